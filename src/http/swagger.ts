import bundlePath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import { PATHS } from "./openapi.ts";

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Konsul API</title>
<link rel="stylesheet" href="/swagger/ui.css"></head>
<body><div id="ui"></div><script src="/swagger/ui.js"></script><script src="/swagger/start.js"></script></body></html>`;

const START = `SwaggerUIBundle({ url: "/swagger/json", dom_id: "#ui", validatorUrl: null });`;

/** Only what this server itself serves is loaded. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

function text(body: string | Blob, type: string): Response {
  return new Response(body, {
    headers: { "Content-Type": type, "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" },
  });
}

/** The API's document and a page that shows it, all from the executable itself. */
export function swaggerAnswer(path: string, version: string): Response | undefined {
  switch (path) {
    case "/swagger":
    case "/swagger/":
      return text(PAGE, "text/html; charset=utf-8");
    case "/swagger/ui.js":
      return text(Bun.file(bundlePath), "text/javascript; charset=utf-8");
    case "/swagger/ui.css":
      return text(Bun.file(stylePath), "text/css; charset=utf-8");
    case "/swagger/start.js":
      return text(START, "text/javascript; charset=utf-8");
    case "/swagger/json":
      return text(JSON.stringify(openApiDocument(version)), "application/json");
    default:
      return undefined;
  }
}

export function openApiDocument(version: string): object {
  return {
    openapi: "3.0.3",
    info: {
      title: "Konsul",
      version,
      description:
        "Reads are local by default: fast, and possibly stale. Add ?consistent to any read, on any node, for a linearizable one.",
    },
    paths: PATHS,
  };
}

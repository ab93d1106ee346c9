import type { Cors } from "./browser.ts";
import { STATUS_OF } from "./errors.ts";
import type { RateLimit } from "./rate-limit.ts";
import { RequestUrls, type RequestUrl } from "./request-url.ts";
import type { App } from "./server.ts";

export interface GuardOptions {
  readonly cors: Cors;
  readonly limit: RateLimit;
}

/** What is decided before a request is looked at: browsers of other origins, and clients that ask too often. */
export function guard(app: App, { cors, limit }: GuardOptions): App {
  const urls = new RequestUrls();
  return {
    fetch: (request, client) => {
      // One with a host that is none counts, whatever path it names, and is for the application to refuse.
      const url = urls.of(request.url);
      const preflight = url === undefined ? undefined : cors.preflight(request);
      if (preflight !== undefined) return preflight;
      const waitSeconds = url !== undefined && isProbe(url) ? 0 : limit.take(client);
      const answer = waitSeconds > 0 ? tooOften(waitSeconds) : app.fetch(request, client);
      if (answer instanceof Response) return allowed(cors, request, answer);
      return answer.then((response) => allowed(cors, request, response));
    },
  };
}

function allowed(cors: Cors, request: Request, response: Response): Response {
  cors.allow(request, response);
  return response;
}

/** Orchestrators ask from one address for all, and restart what does not answer. */
function isProbe({ pathname }: RequestUrl): boolean {
  // By the whole path: a key or a query may end alike.
  return pathname === "/health/live" || pathname === "/health/ready";
}

function tooOften(waitSeconds: number): Response {
  const id = crypto.randomUUID();
  const message = "This address sends more requests than http.rate_limit allows: nothing was done, try again later";
  return Response.json(
    { error: "rate_limited", message, request_id: id },
    {
      status: STATUS_OF.rate_limited,
      headers: { "X-Request-Id": id, "Retry-After": String(Math.ceil(waitSeconds)), "Cache-Control": "no-store" },
    },
  );
}

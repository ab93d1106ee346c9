import { badHost, RequestUrls } from "./request-url.ts";

/** Why this node serves nothing yet. */
export interface Waiting {
  /** The code of the error envelope. */
  readonly code: "no_leader" | "untrusted_node";
  readonly reason: string;
}

export const WAITING_FOR_CLUSTER: Waiting = {
  code: "no_leader",
  reason: "this node waits to become part of a cluster",
};

/** Answers while the node is not part of a cluster: alive, and good for nothing else. */
export function createStartingApp(waiting: () => Waiting): { readonly fetch: (request: Request) => Response } {
  const urls = new RequestUrls();
  return {
    fetch: (request) => {
      const url = urls.of(request.url);
      if (url === undefined) {
        const { status, code, message, fields } = badHost();
        return answer(status, { error: code, message, ...fields });
      }
      const { pathname } = url;
      if (pathname === "/health/live") return answer(200, { status: "live" });
      const { code, reason } = waiting();
      if (pathname === "/health/ready") return answer(503, { status: "not ready", reason });
      return answer(503, { error: code, message: `Nothing was done, because ${reason}: use another one` });
    },
  };
}

function answer(status: number, body: Readonly<Record<string, unknown>>): Response {
  const id = crypto.randomUUID();
  const more = "error" in body ? { request_id: id } : {};
  return Response.json(
    { ...body, ...more },
    {
      status,
      headers: { "X-Request-Id": id, "Cache-Control": "no-store", ...(status === 503 ? { "Retry-After": "1" } : {}) },
    },
  );
}

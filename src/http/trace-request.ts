import type { Tracing } from "../telemetry/index.ts";

/** Asked again and again by machines: they are traced only for a client that brings a trace of its own. */
const UNTRACED = new Set(["/metrics", "/health", "/health/live", "/health/ready"]);

/** Runs `work` in a span of its own: the client's trace goes on in it. It names the route, never a key. */
export function traceRequest(
  tracing: Tracing,
  { request, route, requestId }: { readonly request: Request; readonly route: string; readonly requestId: string },
  work: () => Response | Promise<Response>,
): Response | Promise<Response> {
  const { method, headers } = request;
  const parent = headers.get("traceparent") ?? undefined;
  if (parent === undefined && UNTRACED.has(route)) return work();
  const size = headers.get("content-length");
  const span = tracing.start(`${method} ${route}`, {
    parent,
    kind: "server",
    fields: {
      "http.request.method": method,
      "http.route": route,
      "konsul.request_id": requestId,
      ...(size === null ? {} : { "http.request.body.size": Number(size) }),
    },
  });
  const finish = (response: Response): Response => {
    const { status } = response;
    span.end({ "http.response.status_code": status }, status >= 500 ? `it was answered with ${status}` : undefined);
    return response;
  };
  const answer = tracing.within(span, work);
  return answer instanceof Response ? finish(answer) : answer.then(finish);
}

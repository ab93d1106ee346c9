import type { HttpDeps } from "./deps.ts";
import { ApiError } from "./errors.ts";
import type { RouteMetrics } from "./request-metrics.ts";
import type { RequestUrl } from "./request-url.ts";
import type { Responder } from "./respond.ts";

/** What every request has, whichever way it is answered. */
export interface Asked {
  /** By this node's clock. */
  readonly startedAt: number;
  /** Of the request, which would ask the runtime for it. */
  readonly method: string;
  readonly url: RequestUrl;
  readonly respond: Responder;
}

/** Where requests go. */
export interface Counted {
  /** The pattern of the paths; also its name in logs and metrics. */
  readonly path: string;
  readonly metrics: RouteMetrics;
}

/** Answers that took longer are worth a line, unless they were meant to wait. */
const SLOW_SECONDS = 1;

/** Counts an answer, and logs it where that is worth a line. */
export function answered(deps: HttpDeps, { path, metrics }: Counted, asked: Asked, status: number): void {
  const { method, startedAt } = asked;
  const seconds = (deps.clock.now() - startedAt) / 1000;
  metrics.answered(method, status, seconds);
  const { requestId: request_id } = asked.respond;
  if (seconds > SLOW_SECONDS && !isWaiting(asked)) {
    const slow = { method, route: path, status, seconds: seconds.toFixed(3), request_id };
    deps.logger.warn("A slow request", slow);
  }
  if (deps.logger.isEnabled("debug")) deps.logger.debug("Answered", { method, route: path, status, request_id });
}

function isWaiting({ url }: Asked): boolean {
  return ["index", "min_index", "profile"].some((name) => url.searchParams.has(name)) || url.pathname === "/snapshot";
}

/** The answer to whatever was thrown. */
export function failure(deps: HttpDeps, respond: Responder, cause: unknown): Response {
  return respond.error(toApiError(deps, respond, cause));
}

/** What no code of ours throws on purpose is for the log; the client gets its id alone. */
export function toApiError(deps: HttpDeps, respond: Responder, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  deps.logger.error("A request failed in an unexpected way", {
    request_id: respond.requestId,
    error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
  });
  return new ApiError("internal", "This request failed in an unexpected way; the log has more under the request id");
}

export type { HttpDeps } from "./deps.ts";
export { STATUS_OF, type ErrorCode } from "./errors.ts";
export { answerForwarded, type Forward, type ForwardOutcome } from "./forward.ts";
export { PATHS } from "./openapi.ts";
export { createApp, routes, startHttpServer, type HttpServer } from "./server.ts";

export type { HttpDeps, Invite } from "./deps.ts";
export { STATUS_OF, type ErrorCode } from "./errors.ts";
export type { AccessTerms } from "./access.ts";
export { answerForwarded, type Forward, type ForwardOutcome } from "./forward.ts";
export { PATHS } from "./openapi.ts";
export { routes, type Route } from "./route-table.ts";
export { createApp, startHttpServer, type App, type HttpServer, type Listening } from "./server.ts";
export { createStartingApp } from "./starting.ts";

import { Elysia } from "elysia";
import { assert } from "../base/index.ts";
import { Access } from "./access.ts";
import type { HttpDeps } from "./deps.ts";
import { ApiError } from "./errors.ts";
import { refuseKey } from "./idempotency.ts";
import { forwardWrite, isForwardable, keepBody, type KeptRequest } from "./forward.ts";
import { Responder } from "./respond.ts";
import { RequestMetrics } from "./request-metrics.ts";
import { badHost, RequestUrls, withHost } from "./request-url.ts";
import { isOperatorAction, routes, type Call, type Endpoint, type Route } from "./route-table.ts";
import { swaggerAnswer } from "./swagger.ts";
import { traceRequest } from "./trace-request.ts";

/** A backup may be that large; every other route stops reading far earlier. */
const BODY_BYTES_MAX = 64 * 1024 ** 3;

/** What no route takes; also its name in the metrics. */
const UNROUTED = "/*";

/**
 * The Elysia application over all routes; also what tests call without a socket. Its handlers are bound functions: Elysia
 * reads the text of a function to find out whether it is asynchronous, takes nearly every other one for it, and then waits
 * for answers that are there already.
 */
export function createApp(deps: HttpDeps): App {
  const app = new Elysia({ strictPath: true });
  const failed = (request: Request, error: unknown): Response => {
    const respond = new Responder(deps.replica, requestId(request));
    return respond.error(toApiError(deps, respond, error));
  };
  // Elysia applies it to the routes that come after it, and to no others.
  app.onError(({ request, error }) => failed(request, error));
  const metrics = new RequestMetrics(deps.metrics);
  const urls = new RequestUrls();
  const answer = answerer(deps, metrics, urls);
  for (const [path, route] of Object.entries(routes(deps))) {
    app.all(path, answer.bind(undefined, path, route));
  }
  if (deps.hasSwagger) {
    for (const path of ["/swagger", "/swagger/*"]) {
      app.get(path, answer.bind(undefined, path, swaggerRoute(deps.version)));
    }
  }
  app.all(UNROUTED, answer.bind(undefined, UNROUTED, undefined));
  const refuse = (request: Request): Response => {
    const response = new Responder(deps.replica, requestId(request)).error(badHost());
    metrics.answered(request.method, UNROUTED, response.status, 0);
    return response;
  };
  return {
    fetch: (request) => {
      // Elysia would look for the path of such a request, and find another one in it.
      if (!urls.isAbsolute(request.url)) return refuse(request);
      const answered = app.fetch(withLongHost(request));
      return answered instanceof Response ? answered : answered.catch((cause: unknown) => failed(request, cause));
    },
  };
}

/** Elysia looks for the path from the 11th character of the URL on: a host of one or two letters would hide it. */
function withLongHost(request: Request): Request {
  const slash = request.url.indexOf("/", 8);
  return slash === -1 || slash >= 11 ? request : new Request(`http://localhost${request.url.slice(slash)}`, request);
}

function requestId(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

/** Answers that took longer are worth a line, unless they were meant to wait. */
const SLOW_SECONDS = 1;

function isWaiting({ url }: Call): boolean {
  return ["index", "min_index", "profile"].some((name) => url.searchParams.has(name)) || url.pathname === "/snapshot";
}

type Answer = (
  path: string,
  route: Route | undefined,
  context: { readonly request: Request },
) => Response | Promise<Response>;

/** What needs no waiting is answered without a promise: that is what makes a local read cheap. */
function answerer(deps: HttpDeps, metrics: RequestMetrics, urls: RequestUrls): Answer {
  return (path, route, { request }) => {
    const startedAt = deps.clock.now();
    const respond = new Responder(deps.replica, requestId(request));
    const call: Call = { request, url: urls.of(request.url), respond, access: new Access(deps, request) };
    const finish = (response: Response): Response => {
      metrics.inFlight -= 1;
      const { method } = request;
      const { status } = response;
      if (status === 401 || status === 403 || !isRead(request))
        logDecision(deps, endpointOf(route, method), call, status);
      const seconds = (deps.clock.now() - startedAt) / 1000;
      metrics.answered(method, path, status, seconds);
      if (seconds > SLOW_SECONDS && !isWaiting(call)) {
        const slow = { method, route: path, status, seconds: seconds.toFixed(3), request_id: respond.requestId };
        deps.logger.warn("A slow request", slow);
      }
      if (deps.logger.isEnabled("debug"))
        deps.logger.debug("Answered", { method, route: path, status, request_id: respond.requestId });
      return response;
    };
    const work = (): Response | Promise<Response> =>
      deps.forward === undefined || route === undefined || isRead(request) || isLeading(deps) || !isForwardable(request)
        ? answerHere(deps, route, call)
        : answerAnywhere(deps, route, call);
    const { tracing } = deps;
    const failed = (cause: unknown): Response => respond.error(toApiError(deps, respond, cause));
    let answer: Response | Promise<Response>;
    // From here on every way leads through `finish`, once.
    metrics.inFlight += 1;
    try {
      answer =
        tracing === undefined
          ? work()
          : traceRequest(tracing, { request, route: path, requestId: respond.requestId }, work);
    } catch (cause) {
      answer = failed(cause);
    }
    return answer instanceof Response ? finish(answer) : answer.then(finish, (cause: unknown) => finish(failed(cause)));
  };
}

function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function isLeading({ replica }: HttpDeps): boolean {
  return replica.status().core.role === "leader";
}

function answerHere(deps: HttpDeps, route: Route | undefined, call: Call): Response | Promise<Response> {
  const failed = (cause: unknown): Response => call.respond.error(toApiError(deps, call.respond, cause));
  try {
    const answer = dispatch(route, call);
    return answer instanceof Response ? answer : answer.catch(failed);
  } catch (cause) {
    return failed(cause);
  }
}

/** Checked here first, so that bad input costs the leader nothing; handed to the leader when only it can go on. */
async function answerAnywhere(deps: HttpDeps, route: Route, call: Call): Promise<Response> {
  const { respond } = call;
  let kept: KeptRequest;
  try {
    kept = await keepBody(call.request);
  } catch (cause) {
    return respond.error(toApiError(deps, respond, cause));
  }
  try {
    return await dispatch(route, { ...call, request: kept.request });
  } catch (cause) {
    const error = toApiError(deps, respond, cause);
    if (error.code !== "not_leader" || deps.forward === undefined) return respond.error(error);
    const parent = deps.tracing?.active()?.traceparent;
    const span = deps.tracing?.start("konsul.forward", { parent, kind: "client" });
    try {
      const trace = span === undefined ? {} : { traceparent: span.traceparent };
      return await forwardWrite(deps.forward, kept, { "x-request-id": respond.requestId, ...trace });
    } catch (failure) {
      return respond.error(toApiError(deps, respond, failure));
    } finally {
      span?.end();
    }
  }
}

/** A page of the API's description; what is not there falls to the answer for unknown routes. */
function swaggerRoute(version: string): Route {
  const handle = ({ url }: Call): Response => {
    const page = swaggerAnswer(url.pathname, version);
    if (page !== undefined) return page;
    throw new ApiError("not_found", `There is no route ${url.pathname}: /swagger lists them all`);
  };
  return { GET: { needs: () => [{ resource: "cluster", capability: "read", scope: { exact: "" } }], handle } };
}

function endpointOf(route: Route | undefined, method: string): Endpoint | undefined {
  if (method === "HEAD") return route?.GET;
  return method === "GET" || method === "PUT" || method === "POST" || method === "DELETE" ? route?.[method] : undefined;
}

/** What is asked for is allowed first, then done; and what was waited for must still be allowed. @throws ApiError */
function dispatch(route: Route | undefined, call: Call): Response | Promise<Response> {
  const { request, url, access } = call;
  if (route === undefined)
    throw new ApiError("not_found", `There is no route ${url.pathname}: /swagger lists them all`);
  const endpoint = endpointOf(route, request.method);
  if (endpoint === undefined) {
    const allowed = Object.keys(route).join(", ");
    throw new ApiError("method_not_allowed", `This route takes ${allowed}, not ${request.method}`, {
      headers: { Allow: allowed },
    });
  }
  refuseKey(request, url.pathname);
  const { needs } = endpoint;
  if (needs === "open" || access.isOff) access.open();
  const late = typeof needs === "function" && !access.isOff ? access.demand(needs(call)) : undefined;
  return late === undefined ? runEndpoint(endpoint, call) : late.then(async () => runEndpoint(endpoint, call));
}

function runEndpoint(endpoint: Endpoint, call: Call): Response | Promise<Response> {
  const { request, url, access } = call;
  const checked = (response: Response): Response => {
    assert(access.isDecided, `Nobody asked whether ${request.method} ${url.pathname} is allowed`);
    if (isRead(request)) access.confirm();
    return response;
  };
  const response = endpoint.handle(call);
  return response instanceof Response ? checked(response) : response.then(checked);
}

/** Operators' actions and denials are for the record, with their actor; never with a secret. */
function logDecision(deps: HttpDeps, endpoint: Endpoint | undefined, call: Call, status: number): void {
  const isDenied = status === 401 || status === 403;
  if (endpoint === undefined || (!isDenied && (isRead(call.request) || !isOperatorAction(endpoint)))) return;
  const { request, url, respond, access } = call;
  const fields = {
    method: request.method,
    path: url.pathname,
    actor: access.actor,
    status,
    request_id: respond.requestId,
  };
  if (isDenied) deps.logger.warn("Access was denied", fields);
  else deps.logger.info("An operator's action", fields);
}

function toApiError(deps: HttpDeps, respond: Responder, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  deps.logger.error("A request failed in an unexpected way", {
    request_id: respond.requestId,
    error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
  });
  return new ApiError("internal", "This request failed in an unexpected way; the log has more under the request id");
}

/** Whatever answers requests. */
export interface App {
  /** `client`: the address it came from; empty where nobody needs it. */
  readonly fetch: (request: Request, client: string) => Response | Promise<Response>;
}

export interface HttpServer {
  readonly port: number;
  /** From now on this answers. */
  serve(app: App): void;
  /** New connections get the new certificate, those that are open stay. */
  renewCertificates(): void;
  /** Takes no new requests, lets those under way finish, then closes; at once when `isForced`. */
  stop(isForced: boolean): Promise<void>;
}

/** PEM of the API's certificate; with `ca`, clients must show one that comes from there. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. Read anew for each listener. */
  readonly tls?: () => ServerTls;
  /** Whether anybody wants to know where a request came from: finding out costs something. */
  readonly isClientNeeded?: boolean;
}

/** Listens. @throws Error when the address is taken */
export function startHttpServer(first: App, { host, port, tls, isClientNeeded = false }: Listening): HttpServer {
  let app = first;
  const listen = (at: number): ReturnType<typeof Bun.serve> =>
    Bun.serve({
      ...(tls === undefined ? {} : { tls: tls() }),
      hostname: host,
      port: at,
      fetch: (request, own) =>
        app.fetch(withHost(request), isClientNeeded ? (own.requestIP(request)?.address ?? "") : ""),
      development: false,
      reusePort: false,
      // A blocking read may wait for minutes; dead clients are found by the sockets themselves.
      idleTimeout: 0,
      maxRequestBodySize: BODY_BYTES_MAX,
    });
  let server = listen(port);
  const listeningAt = server.port ?? port;
  return {
    port: listeningAt,
    renewCertificates: () => {
      // The library cannot change the certificate of a server: another one takes its place at once.
      const old = server;
      void old.stop(false);
      server = listen(listeningAt);
    },
    serve: (next) => {
      app = next;
    },
    stop: async (isForced) => server.stop(isForced),
  };
}

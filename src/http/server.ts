import { Elysia } from "elysia";
import { assert, defined } from "../base/index.ts";
import { Access } from "./access.ts";
import { answered, failure, toApiError, type Counted } from "./answering.ts";
import type { HttpDeps, RouteDeps } from "./deps.ts";
import { ApiError } from "./errors.ts";
import { refuseKey } from "./idempotency.ts";
import { forwardWrite, isForwardable, keepBody, type Forward } from "./forward.ts";
import { bindKvCounters } from "./kv-counters.ts";
import { isKeyPath } from "./key-path.ts";
import { PlainReads } from "./plain-reads.ts";
import { PlainWrites } from "./plain-writes.ts";
import { requestId } from "./request-id.ts";
import { Responder } from "./respond.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { badHost, RequestUrls, withHost } from "./request-url.ts";
import { isOperatorAction, KEY_PATHS, routes, type Call, type Endpoint, type Route } from "./route-table.ts";
import { swaggerAnswer } from "./swagger.ts";
import { traceRequest } from "./trace-request.ts";
import type { Tracing } from "../telemetry/index.ts";

/** A backup may be that large; every other route stops reading far earlier. */
const BODY_BYTES_MAX = 64 * 1024 ** 3;

/** What no route takes; also its name in the metrics. */
const UNROUTED = "/*";

/**
 * The Elysia application over all routes, and a shorter way to that of single keys; also what tests call without a socket. Its
 * handlers are bound functions: Elysia reads the text of a function to find out whether it is asynchronous, takes nearly
 * every other one for it, and then waits for answers that are there already.
 */
export function createApp(given: HttpDeps, metrics: RequestMetrics): App {
  const deps: RouteDeps = { ...given, kvCounters: bindKvCounters(given.metrics) };
  const app = new Elysia({ strictPath: true });
  const failed = (request: Request, error: unknown): Response =>
    failure(deps, new Responder(deps.replica, requestId(request)), error);
  // Elysia applies it to the routes that come after it, and to no others.
  app.onError(({ request, error }) => failed(request, error));
  const urls = new RequestUrls();
  const answer = answerer(deps, metrics, urls);
  const targetOf = (path: string, route?: Route): Target => ({ path, route, metrics: metrics.ofRoute(path) });
  const table = routes(deps);
  for (const [path, route] of Object.entries(table)) {
    assert(path === KEY_PATHS || !isKeyPath(path), () => `The route ${path} lies behind that of single keys`);
    app.all(path, answer.bind(undefined, targetOf(path, route)));
  }
  if (deps.hasSwagger) {
    for (const path of ["/swagger", "/swagger/*"]) {
      app.get(path, answer.bind(undefined, targetOf(path, swaggerRoute(deps.version))));
    }
  }
  const keys = targetOf(KEY_PATHS, table[KEY_PATHS]);
  const plainReads = new PlainReads(deps, keys);
  const plainWrites = new PlainWrites(deps, metrics, keys);
  const unrouted = targetOf(UNROUTED);
  app.all(UNROUTED, answer.bind(undefined, unrouted));
  const refuse = (request: Request): Response => {
    const response = new Responder(deps.replica, requestId(request)).error(badHost());
    unrouted.metrics.answered(request.method, response.status, 0);
    return response;
  };
  const dispatched = (request: Request): Response | Promise<Response> => {
    const { url } = request;
    const parsed = urls.of(url);
    // Elysia would look for the path of such a request, and find another one in it.
    if (parsed === undefined) return refuse(request);
    // Nearly all requests. Their route is known without looking for it, which costs more than all checks of them.
    return isKeyPath(parsed.pathname)
      ? (plainReads.answer(request, parsed) ?? plainWrites.answer(request, parsed) ?? answer(keys, { request }))
      : app.fetch(withLongHost(request, url));
  };
  return {
    fetch: (request) => {
      try {
        const response = dispatched(request);
        return response instanceof Response ? response : response.catch((cause: unknown) => failed(request, cause));
      } catch (cause) {
        return failed(request, cause);
      }
    },
  };
}

/** Elysia looks for the path from the 11th character of the URL on: a host of one or two letters would hide it. */
function withLongHost(request: Request, url: string): Request {
  const slash = url.indexOf("/", 8);
  return slash === -1 || slash >= 11 ? request : new Request(`http://localhost${url.slice(slash)}`, request);
}

interface Target extends Counted {
  readonly route: Route | undefined;
}

type Answer = (target: Target, context: { readonly request: Request }) => Response | Promise<Response>;

/** What needs no waiting is answered without a promise: that is what makes a local read cheap. */
function answerer(deps: HttpDeps, metrics: RequestMetrics, urls: RequestUrls): Answer {
  const finish = (target: Target, call: Call, response: Response): Response => {
    metrics.inFlight -= 1;
    record(deps, target, call, response.status);
    return response;
  };
  return (target, { request }) => {
    const startedAt = deps.clock.now();
    const respond = new Responder(deps.replica, requestId(request));
    const access = new Access(deps, request);
    const url = defined(urls.of(request.url), "The host of a request that has a route");
    const call: Call = { startedAt, request, method: request.method, url, respond, access };
    let answer: Response | Promise<Response>;
    // From here on every way leads through `finish`, once.
    metrics.inFlight += 1;
    try {
      answer = deps.tracing === undefined ? work(deps, target, call) : tracedWork(deps, deps.tracing, target, call);
    } catch (cause) {
      answer = failure(deps, respond, cause);
    }
    return answer instanceof Response
      ? finish(target, call, answer)
      : answer.then(
          (response) => finish(target, call, response),
          (cause: unknown) => finish(target, call, failure(deps, respond, cause)),
        );
  };
}

/** Counts an answer, and logs what is worth it. */
function record(deps: HttpDeps, target: Target, call: Call, status: number): void {
  const { method } = call;
  if (status === 401 || status === 403 || !isRead(method)) {
    logDecision(deps, endpointOf(target.route, method), call, status);
  }
  answered(deps, target, call, status);
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function isLeading({ replica }: HttpDeps): boolean {
  return replica.status().core.role === "leader";
}

function work(deps: HttpDeps, { route }: Target, call: Call): Response | Promise<Response> {
  const { forward } = deps;
  return forward === undefined ||
    route === undefined ||
    isRead(call.method) ||
    isLeading(deps) ||
    !isForwardable(call.request)
    ? dispatch(route, call)
    : answerAnywhere(deps, forward, route, call);
}

/** The span ends with the answer to a failure, too. */
function tracedWork(deps: HttpDeps, tracing: Tracing, target: Target, call: Call): Response | Promise<Response> {
  const { request, respond } = call;
  const failed = (cause: unknown): Response => failure(deps, respond, cause);
  return traceRequest(tracing, { request, route: target.path, requestId: respond.requestId }, () => {
    try {
      const answer = work(deps, target, call);
      return answer instanceof Response ? answer : answer.catch(failed);
    } catch (cause) {
      return failed(cause);
    }
  });
}

/** Checked here first, so that bad input costs the leader nothing; handed to the leader when only it can go on. */
async function answerAnywhere(deps: HttpDeps, forward: Forward, route: Route, call: Call): Promise<Response> {
  const { respond } = call;
  const kept = await keepBody(call.request);
  try {
    return await dispatch(route, { ...call, request: kept.request });
  } catch (cause) {
    const error = toApiError(deps, respond, cause);
    if (error.code !== "not_leader") throw error;
    const parent = deps.tracing?.active()?.traceparent;
    const span = deps.tracing?.start("konsul.forward", { parent, kind: "client" });
    try {
      const trace = span === undefined ? {} : { traceparent: span.traceparent };
      return await forwardWrite(forward, kept, { "x-request-id": respond.requestId, ...trace });
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
  const { request, method, url, access } = call;
  if (route === undefined)
    throw new ApiError("not_found", `There is no route ${url.pathname}: /swagger lists them all`);
  const endpoint = endpointOf(route, method);
  if (endpoint === undefined) {
    const allowed = Object.keys(route).join(", ");
    throw new ApiError("method_not_allowed", `This route takes ${allowed}, not ${method}`, {
      headers: { Allow: allowed },
    });
  }
  if (!isRead(method)) refuseKey(request, url.pathname);
  const { needs } = endpoint;
  if (needs === "open" || access.isOff) access.open();
  const late = typeof needs === "function" && !access.isOff ? access.demand(needs(call)) : undefined;
  return late === undefined ? runEndpoint(endpoint, call) : late.then(async () => runEndpoint(endpoint, call));
}

function runEndpoint(endpoint: Endpoint, call: Call): Response | Promise<Response> {
  const answer = endpoint.handle(call);
  return answer instanceof Response ? checked(call, answer) : answer.then((response) => checked(call, response));
}

function checked({ method, url, access }: Call, response: Response): Response {
  assert(access.isDecided, `Nobody asked whether ${method} ${url.pathname} is allowed`);
  if (isRead(method)) access.confirm();
  return response;
}

/** Operators' actions and denials are for the record, with their actor; never with a secret. */
function logDecision(deps: HttpDeps, endpoint: Endpoint | undefined, call: Call, status: number): void {
  const isDenied = status === 401 || status === 403;
  if (endpoint === undefined || (!isDenied && (isRead(call.method) || !isOperatorAction(endpoint)))) return;
  const { method, url, respond, access } = call;
  const fields = {
    method,
    path: url.pathname,
    actor: access.actor,
    status,
    request_id: respond.requestId,
  };
  if (isDenied) deps.logger.warn("Access was denied", fields);
  else deps.logger.info("An operator's action", fields);
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

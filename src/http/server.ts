import { Elysia } from "elysia";
import type { HttpDeps } from "./deps.ts";
import { ApiError } from "./errors.ts";
import { forwardWrite, keepBody, type KeptRequest } from "./forward.ts";
import { keyFromPath, percentDecode } from "./key-path.ts";
import { Responder } from "./respond.ts";
import { clusterConfig, clusterLeader, clusterPeers, clusterStatus, takeSnapshot } from "./routes/cluster.ts";
import { health, live, ready } from "./routes/health.ts";
import { deleteKey, getKey, listKeys, putKey } from "./routes/kv.ts";
import { demote, leave, promote, transfer } from "./routes/membership.ts";
import {
  deregister,
  getService,
  heartbeat,
  listChecks,
  listServices,
  register,
  serviceHealth,
  updateCheck,
} from "./routes/services.ts";
import { createSession, destroySession, getSession, listSessions, renewSession } from "./routes/sessions.ts";
import { watch } from "./routes/watch.ts";
import { transact } from "./routes/txn.ts";
import { swaggerAnswer } from "./swagger.ts";

/** Bodies above this are cut off by the server itself; smaller ones that are too large get a proper answer. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly respond: Responder;
}

type Handler = (call: Call) => Response | Promise<Response>;

/** Methods by route; a known route with another method is answered with these in `Allow`. */
type Route = Readonly<Partial<Record<"GET" | "PUT" | "POST" | "DELETE", Handler>>>;

/** All routes. `*` at the end stands for any rest of the path. */
export function routes(deps: HttpDeps): Readonly<Record<string, Route>> {
  return {
    "/kv/": {
      GET: (call) => listKeys(deps, call),
      DELETE: async (call) => deleteKey(deps, { ...call, key: new Uint8Array(0) }),
    },
    "/kv/txn": { POST: (call) => transact(deps, call), ...keyRoute(deps, pathKey) },
    "/kv/*": keyRoute(deps, pathKey),
    "/kv": keyRoute(deps, queryKey),
    "/watch": { GET: (call) => watch(deps, call) },
    "/health": { GET: ({ respond }) => health(deps, respond) },
    "/register": { PUT: (call) => register(deps, call) },
    "/deregister/*": { DELETE: (call) => deregister(deps, call) },
    "/heartbeat/*": { PUT: (call) => heartbeat(deps, call) },
    "/services/": { GET: (call) => listServices(deps, call) },
    "/services/*": { GET: (call) => getService(deps, call) },
    "/sessions": { GET: (call) => listSessions(deps, call), POST: (call) => createSession(deps, call) },
    "/sessions/*": { GET: (call) => getSession(deps, call), DELETE: (call) => destroySession(deps, call) },
    "/sessions/:id/renew": { PUT: (call) => renewSession(deps, call) },
    "/health/service/*": { GET: (call) => serviceHealth(deps, call) },
    "/health/checks": { GET: (call) => listChecks(deps, call) },
    "/health/check/*": { PUT: (call) => updateCheck(deps, call) },
    "/health/live": { GET: ({ respond }) => live(deps, respond) },
    "/health/ready": { GET: ({ respond }) => ready(deps, respond) },
    "/metrics": {
      GET: async ({ respond }) =>
        respond.bytes(await deps.metrics.scrape(), { type: "text/plain; version=0.0.4; charset=utf-8" }),
    },
    "/cluster/status": { GET: ({ respond }) => clusterStatus(deps, respond) },
    "/cluster/leader": { GET: ({ respond }) => clusterLeader(deps, respond) },
    "/cluster/peers": { GET: ({ respond }) => clusterPeers(deps, respond) },
    "/cluster/config": { GET: ({ respond }) => clusterConfig(deps, respond) },
    "/cluster/snapshot": { POST: ({ respond }) => takeSnapshot(deps, respond) },
    "/cluster/transfer": { POST: (call) => transfer(deps, call) },
    "/cluster/leave/*": { DELETE: (call) => leave(deps, call) },
    "/cluster/promote/*": { POST: (call) => promote(deps, call) },
    "/cluster/demote/*": { POST: (call) => demote(deps, call) },
  };
}

function pathKey({ url }: Call): Uint8Array {
  return keyFromPath(url.pathname, "/kv/");
}

function queryKey({ url }: Call): Uint8Array {
  return percentDecode(rawParameter(url, "key"));
}

function keyRoute(deps: HttpDeps, keyOf: (call: Call) => Uint8Array): Route {
  return {
    GET: async (call) => getKey(deps, { ...call, key: keyOf(call) }),
    PUT: async (call) => putKey(deps, { ...call, key: keyOf(call) }),
    DELETE: async (call) => deleteKey(deps, { ...call, key: keyOf(call) }),
  };
}

/** The bytes behind `name=`, still percent-encoded: `URLSearchParams` would replace what is not UTF-8. */
function rawParameter(url: URL, name: string): string {
  for (const pair of url.search.slice(1).split("&")) {
    if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1).replaceAll("+", "%20");
  }
  throw new ApiError("bad_request", "The parameter key is missing: it takes any key at all", {
    fields: { field: "key" },
  });
}

/** The Elysia application over all routes; also what tests call without a socket. */
export function createApp(deps: HttpDeps): { readonly fetch: (request: Request) => Response | Promise<Response> } {
  const app = new Elysia({ strictPath: true });
  const answer = answerer(deps);
  for (const [path, route] of Object.entries(routes(deps))) {
    app.all(path, ({ request }) => answer(path, route, request), { parse: "none" });
  }
  if (deps.hasSwagger) {
    for (const path of ["/swagger", "/swagger/*"]) {
      app.get(
        path,
        ({ request }) => swaggerAnswer(new URL(request.url).pathname, deps.version) ?? answer(path, undefined, request),
      );
    }
  }
  app.all("/*", ({ request }) => answer("/*", undefined, request), { parse: "none" });
  app.onError(({ request, error }) => {
    deps.logger.error("A request failed in an unexpected way", {
      error: error instanceof Error ? error.message : "unknown",
    });
    return new Responder(deps.replica, requestId(request)).error(
      new ApiError("internal", "This request failed in an unexpected way; the log has more under the request id"),
    );
  });
  return { fetch: (request) => app.fetch(withLongHost(request)) };
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

function answerer(deps: HttpDeps): (path: string, route: Route | undefined, request: Request) => Promise<Response> {
  let inFlight = 0;
  deps.metrics.onScrape(() => deps.metrics.set("konsul_http_requests_in_flight", inFlight));
  return async (path, route, request) => {
    const startedAt = deps.clock.now();
    inFlight += 1;
    const respond = new Responder(deps.replica, requestId(request));
    const call = { request, url: new URL(request.url), respond };
    const response =
      deps.forward === undefined || route === undefined || isRead(request) || isLeading(deps)
        ? await answerHere(deps, route, call)
        : await answerAnywhere(deps, route, { ...call, kept: await keepBody(request) });
    inFlight -= 1;
    const { method } = request;
    const seconds = (deps.clock.now() - startedAt) / 1000;
    deps.metrics.increase("konsul_http_requests_total", { method, route: path, status: String(response.status) });
    deps.metrics.observe("konsul_http_request_duration_seconds", seconds, { method, route: path });
    deps.logger.debug("Answered", { method, route: path, status: response.status, request_id: respond.requestId });
    return response;
  };
}

function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function isLeading({ replica }: HttpDeps): boolean {
  return replica.status().core.role === "leader";
}

async function answerHere(deps: HttpDeps, route: Route | undefined, call: Call): Promise<Response> {
  try {
    return await dispatch(route, call);
  } catch (cause) {
    return call.respond.error(toApiError(deps, call.respond, cause));
  }
}

/** Checked here first, so that bad input costs the leader nothing; handed to the leader when only it can go on. */
async function answerAnywhere(
  deps: HttpDeps,
  route: Route,
  call: Call & { readonly kept: KeptRequest },
): Promise<Response> {
  const { kept, respond } = call;
  try {
    return await dispatch(route, { ...call, request: kept.request });
  } catch (cause) {
    const error = toApiError(deps, respond, cause);
    if (error.code !== "not_leader" || deps.forward === undefined) return respond.error(error);
    try {
      return (await forwardWrite(deps.forward, kept, respond.requestId)) ?? respond.error(error);
    } catch (failure) {
      return respond.error(toApiError(deps, respond, failure));
    }
  }
}

function dispatch(route: Route | undefined, call: Call): Response | Promise<Response> {
  if (route === undefined)
    throw new ApiError("not_found", `There is no route ${call.url.pathname}: /swagger lists them all`);
  const { method } = call.request;
  const handler =
    method === "HEAD"
      ? route.GET
      : method === "GET" || method === "PUT" || method === "POST" || method === "DELETE"
        ? route[method]
        : undefined;
  if (handler !== undefined) return handler(call);
  const allowed = Object.keys(route).join(", ");
  throw new ApiError("method_not_allowed", `This route takes ${allowed}, not ${method}`, {
    headers: { Allow: allowed },
  });
}

function toApiError(deps: HttpDeps, respond: Responder, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  deps.logger.error("A request failed in an unexpected way", {
    request_id: respond.requestId,
    error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
  });
  return new ApiError("internal", "This request failed in an unexpected way; the log has more under the request id");
}

export interface HttpServer {
  readonly port: number;
  /** Takes no new requests, lets those under way finish, then closes; at once when `isForced`. */
  stop(isForced: boolean): Promise<void>;
}

/** Listens. @throws Error when the address is taken */
export function startHttpServer(deps: HttpDeps, at: { readonly host: string; readonly port: number }): HttpServer {
  const app = createApp(deps);
  const server = Bun.serve({
    hostname: at.host,
    port: at.port,
    fetch: app.fetch,
    development: false,
    reusePort: false,
    // A blocking read may wait for minutes; dead clients are found by the sockets themselves.
    idleTimeout: 0,
    maxRequestBodySize: BODY_BYTES_MAX,
  });
  return { port: server.port ?? at.port, stop: async (isForced) => server.stop(isForced) };
}

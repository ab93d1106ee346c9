import { fromUtf8 } from "../base/index.ts";
import type { AclNeed } from "../fsm/index.ts";
import type { Access } from "./access.ts";
import type { Asked } from "./answering.ts";
import type { HttpDeps, RouteDeps } from "./deps.ts";
import { ApiError } from "./errors.ts";
import { checkKey, checkPrefix, decodeName, parseKey, rawKeyOf, type NamedKey } from "./key-path.ts";
import type { Responder } from "./respond.ts";
import { Query } from "./query.ts";
import {
  bootstrapAcl,
  createToken,
  deletePolicy,
  deleteToken,
  getPolicy,
  getToken,
  listPolicies,
  listTokens,
  ownToken,
  putPolicy,
  updateToken,
} from "./routes/acl.ts";
import { finalizeUpgrade, upgradeStatus } from "./routes/upgrade.ts";
import { autopilotState, clusterHealth, getAutopilot, putAutopilot } from "./routes/autopilot.ts";
import { restoreBackup, saveBackup } from "./routes/backup.ts";
import { clusterConfig, clusterLeader, clusterPeers, clusterStatus, takeSnapshot } from "./routes/cluster.ts";
import { debug } from "./routes/debug.ts";
import { health, live, ready } from "./routes/health.ts";
import { deleteKey, getKey, listKeys, putKey, type KvCall } from "./routes/kv.ts";
import { join, leaveAndStop } from "./routes/joining.ts";
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
import { transact } from "./routes/txn.ts";
import { watch } from "./routes/watch.ts";
import type { RequestUrl } from "./request-url.ts";

export interface Call extends Asked {
  readonly request: Request;
  readonly access: Access;
}

/**
 * What the caller must be allowed to do: known from path and query, or asked by the handler once it has read the body.
 * Nothing is answered before this was decided.
 */
export type Needs = "open" | "asked by the handler" | ((call: Call) => readonly AclNeed[]);

export interface Endpoint {
  readonly needs: Needs;
  readonly handle: (call: Call) => Response | Promise<Response>;
}

/** Methods by route; a known route with another method is answered with these in `Allow`. */
export type Route = Readonly<Partial<Record<"GET" | "PUT" | "POST" | "DELETE", Endpoint>>>;

const here = (resource: AclNeed["resource"], capability: AclNeed["capability"]) => (): readonly AclNeed[] => [
  { resource, capability, scope: { exact: "" } },
];
const CLUSTER_READ = here("cluster", "read");
const CLUSTER_ADMIN = here("cluster", "admin");
const ACL_ADMIN = here("acl", "admin");
const SESSION_READ = here("session", "read");
const SESSION_WRITE = here("session", "write");

type OnNode = (needs: Needs, handle: (deps: RouteDeps, call: Call) => Response | Promise<Response>) => Endpoint;
type Said = (needs: Needs, handle: (deps: HttpDeps, respond: Responder) => Response | Promise<Response>) => Endpoint;

/** The route of single keys. */
export const KEY_PATHS = "/kv/*";

/** All routes. `*` at the end stands for any rest of the path. */
export function routes(deps: RouteDeps): Readonly<Record<string, Route>> {
  const on: OnNode = (needs, handle) => ({ needs, handle: (call) => handle(deps, call) });
  const say: Said = (needs, handle) => ({ needs, handle: ({ respond }) => handle(deps, respond) });
  return {
    "/kv/": {
      GET: on(listNeeds, listKeys),
      DELETE: on(
        (call) => deleteNeeds(call, ""),
        async (_, call) => deleteKey(deps, { ...call, key: new Uint8Array(0), keyText: "" }),
      ),
    },
    "/kv/txn": { ...keyRoute(deps, pathKey), POST: on("asked by the handler", transact) },
    [KEY_PATHS]: keyRoute(deps, pathKey),
    "/kv": keyRoute(deps, queryKey),
    "/watch": { GET: on(watchNeeds, watch) },
    "/register": { PUT: on("asked by the handler", register) },
    "/deregister/*": { DELETE: on(named("service", "deregister", "/deregister/"), deregister) },
    "/heartbeat/*": { PUT: on(named("service", "register", "/heartbeat/"), heartbeat) },
    "/services/": { GET: on(everyService("service"), listServices) },
    "/services/*": { GET: on(named("service", "read", "/services/"), getService) },
    "/sessions": { GET: on(SESSION_READ, listSessions), POST: on(SESSION_WRITE, createSession) },
    "/sessions/*": { GET: on(SESSION_READ, getSession), DELETE: on(SESSION_WRITE, destroySession) },
    "/sessions/:id/renew": { PUT: on(SESSION_WRITE, renewSession) },
    "/health/service/*": { GET: on(named("health", "read", "/health/service/"), serviceHealth) },
    "/health/checks": { GET: on(everyService("health"), listChecks) },
    "/health/check/*": { PUT: on(checkNeeds, updateCheck) },
    "/health": { GET: say(CLUSTER_READ, health) },
    "/health/live": { GET: say("open", live) },
    "/health/ready": { GET: say("open", ready) },
    "/metrics": { GET: say(deps.access.isMetricsPublic ? "open" : CLUSTER_READ, metrics) },
    ...clusterRoutes(on, say),
    ...aclRoutes(on),
  };
}

/** Tokens and policies. */
function aclRoutes(on: OnNode): Readonly<Record<string, Route>> {
  return {
    "/acl/bootstrap": { POST: on("open", bootstrapAcl) },
    "/acl/tokens": { GET: on(ACL_ADMIN, listTokens), POST: on(ACL_ADMIN, createToken) },
    "/acl/tokens/self": { GET: on(() => [], ownToken) },
    "/acl/tokens/*": {
      GET: on(ACL_ADMIN, getToken),
      PUT: on(ACL_ADMIN, updateToken),
      DELETE: on(ACL_ADMIN, deleteToken),
    },
    "/acl/policies": { GET: on(ACL_ADMIN, listPolicies) },
    "/acl/policies/*": {
      GET: on(ACL_ADMIN, getPolicy),
      PUT: on(ACL_ADMIN, putPolicy),
      DELETE: on(ACL_ADMIN, deletePolicy),
    },
  };
}

function clusterRoutes(on: OnNode, say: Said): Readonly<Record<string, Route>> {
  return {
    "/cluster/status": { GET: on(CLUSTER_READ, clusterStatus) },
    "/cluster/leader": { GET: say(CLUSTER_READ, clusterLeader) },
    "/cluster/peers": { GET: on(CLUSTER_READ, clusterPeers) },
    "/cluster/config": { GET: say(CLUSTER_READ, clusterConfig) },
    "/cluster/snapshot": { POST: on(CLUSTER_ADMIN, takeSnapshot) },
    "/cluster/transfer": { POST: on(CLUSTER_ADMIN, transfer) },
    "/cluster/leave/*": { DELETE: on(CLUSTER_ADMIN, leave) },
    "/cluster/promote/*": { POST: on(CLUSTER_ADMIN, promote) },
    "/cluster/demote/*": { POST: on(CLUSTER_ADMIN, demote) },
    "/cluster/health": { GET: on(CLUSTER_READ, clusterHealth) },
    "/cluster/autopilot": { GET: on(CLUSTER_READ, getAutopilot), PUT: on(CLUSTER_ADMIN, putAutopilot) },
    "/cluster/autopilot/state": { GET: on(CLUSTER_READ, autopilotState) },
    "/cluster/upgrade": { GET: say(CLUSTER_READ, upgradeStatus) },
    "/cluster/upgrade/finalize": { POST: on(CLUSTER_ADMIN, finalizeUpgrade) },
    "/cluster/join": { POST: on(CLUSTER_ADMIN, join) },
    "/leave": { POST: on(CLUSTER_ADMIN, leaveAndStop) },
    "/debug": { GET: on(CLUSTER_ADMIN, debug) },
    "/snapshot": { GET: on(CLUSTER_ADMIN, saveBackup), PUT: on(CLUSTER_ADMIN, restoreBackup) },
  };
}

/** An operator's action: it is logged with its actor and outcome. */
export function isOperatorAction({ needs }: Endpoint): boolean {
  return needs === CLUSTER_ADMIN || needs === ACL_ADMIN;
}

async function metrics(deps: HttpDeps, respond: Responder): Promise<Response> {
  return respond.bytes(await deps.metrics.scrape(), { type: "text/plain; version=0.0.4; charset=utf-8" });
}

function pathKey({ url }: Call): NamedKey {
  return parseKey(rawKeyOf(url.pathname));
}

function queryKey({ url }: Call): NamedKey {
  return parseKey(rawParameter(url, "key"));
}

/** Access is decided on the very key that is read or written: both come from the same function. */
function keyRoute(deps: RouteDeps, keyOf: (call: Call) => NamedKey): Route {
  const exact =
    (capability: AclNeed["capability"]) =>
    (call: Call): readonly AclNeed[] => [{ resource: "kv", capability, scope: { exact: keyOf(call).keyText } }];
  const withKey = (call: Call): KvCall => {
    const { request, url, respond, access } = call;
    const { key, keyText } = keyOf(call);
    return { request, url, respond, access, key, keyText };
  };
  return {
    GET: { needs: exact("read"), handle: (call) => getKey(deps, withKey(call)) },
    PUT: { needs: exact("write"), handle: (call) => putKey(deps, withKey(call)) },
    DELETE: {
      needs: (call) => deleteNeeds(call, keyOf(call).keyText),
      handle: (call) => deleteKey(deps, withKey(call)),
    },
  };
}

function deleteNeeds({ url }: Call, key: string): readonly AclNeed[] {
  const isTree = url.searchParams.has("recurse") && url.searchParams.get("recurse") !== "false";
  return [{ resource: "kv", capability: "delete", scope: isTree ? { prefix: key } : { exact: key } }];
}

function listNeeds({ url }: Call): readonly AclNeed[] {
  const scope = { prefix: fromUtf8(checkPrefix(textOf(url, "prefix"))) };
  const list: AclNeed = { resource: "kv", capability: "list", scope };
  const isKeysOnly = url.searchParams.has("keys") && url.searchParams.get("keys") !== "false";
  return isKeysOnly ? [list] : [list, { resource: "kv", capability: "read", scope }];
}

function watchNeeds(call: Call): readonly AclNeed[] {
  const { url } = call;
  if (!url.searchParams.has("key")) {
    const scope = { prefix: fromUtf8(checkPrefix(textOf(url, "prefix"))) };
    return [
      { resource: "kv", capability: "list", scope },
      { resource: "kv", capability: "read", scope },
    ];
  }
  return [{ resource: "kv", capability: "read", scope: { exact: fromUtf8(checkKey(textOf(url, "key"))) } }];
}

/** Read as the handlers read it. */
function textOf(url: RequestUrl, name: string): Uint8Array {
  return new Query(url, [...url.searchParams.keys()]).text(name) ?? new Uint8Array(0);
}

function named(resource: "service" | "health", capability: AclNeed["capability"], start: string) {
  return ({ url }: Call): readonly AclNeed[] => [
    { resource, capability, scope: { exact: decodeName(url.pathname.slice(start.length)) } },
  ];
}

function everyService(resource: "service" | "health") {
  return (): readonly AclNeed[] => [{ resource, capability: "read", scope: { prefix: "" } }];
}

function checkNeeds({ url }: Call): readonly AclNeed[] {
  const [, name = ""] = decodeName(url.pathname.slice("/health/check/".length)).split(":");
  return [{ resource: "health", capability: "write", scope: { exact: name } }];
}

/** The bytes behind `name=`, still percent-encoded: `URLSearchParams` would replace what is not UTF-8. */
function rawParameter(url: RequestUrl, name: string): string {
  for (const pair of url.search.slice(1).split("&")) {
    if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1).replaceAll("+", "%20");
  }
  throw new ApiError("bad_request", "The parameter key is missing: it takes any key at all", {
    fields: { field: "key" },
  });
}

import {
  AUTOPILOT_BODY,
  BACKUP_REQUEST,
  CHECK_REPORT_BODY,
  JOIN_BODY,
  jsonBody,
  KEY_REQUEST,
  POLICY_BODY,
  REGISTRATION_BODY,
  SESSION_BODY,
  TOKEN_BODY,
  TOKEN_CHANGE_BODY,
  TRANSFER_BODY,
  TXN_BODY,
} from "./bodies.ts";
import {
  ACCESSOR,
  CAS,
  FILTERS,
  INSTANCE,
  KEY,
  LOCAL,
  LOCK,
  NAME,
  NODE,
  type Parameter,
  PASSING,
  POLICY,
  query,
  READ,
  SESSION,
  SESSION_READ,
} from "./openapi-parameters.ts";

function operation(
  summary: string,
  parameters: readonly Parameter[],
  answers: Readonly<Record<string, string>>,
): object {
  const responses = Object.fromEntries(
    Object.entries(answers).map(([status, description]) => [status, { description }]),
  );
  return { summary, parameters, responses };
}

function taking(requestBody: object, to: object): object {
  return { ...to, requestBody };
}

const WRITE_FAILURES = {
  "307": "another node leads: Location has the same path there",
  "503": "the write did not happen; Retry-After where waiting helps",
  "504": "the write may or may not have happened",
} as const;

const MEMBERSHIP = {
  "200": "done",
  "404": "no such node",
  "409": "would_lose_quorum, or a conflict with the reason",
  ...WRITE_FAILURES,
} as const;

function keyOperations(key: Parameter): object {
  return {
    get: operation("Reads a key", [key, ...READ, query("raw", "boolean", "only the bytes")], {
      "200": "the value",
      "404": "no such key",
    }),
    put: taking(
      KEY_REQUEST,
      operation("Writes a key", [key, CAS, query("flags", "string", "0 to 2^64-1"), ...LOCK], {
        "200": "stored",
        "409": "cas_conflict or lock_held",
        "413": "too_large",
        ...WRITE_FAILURES,
      }),
    ),
    delete: operation(
      "Deletes a key, or all under it",
      [
        key,
        CAS,
        query("recurse", "boolean", "all keys that start with it"),
        query("limit", "integer", "with recurse: at most this many"),
      ],
      { "200": "deleted", "404": "no such key", "413": "too many keys", ...WRITE_FAILURES },
    ),
  };
}

const simple = (method: string, summary: string): object => ({ [method]: operation(summary, [], { "200": "done" }) });

/** Paths with their operations: the document at `/swagger/json` and the routes are compared by a test. */
export const PATHS: Readonly<Record<string, object>> = {
  "/kv/{key}": keyOperations(KEY),
  "/kv": keyOperations(query("key", "string", "any key at all, also one with dot segments")),
  "/kv/": {
    get: operation(
      "Lists keys in byte order",
      [
        query("prefix", "string", "only keys that start with it"),
        query("keys", "boolean", "without values"),
        query("limit", "integer", "1 to 10000"),
        query("after", "string", "the next of the page before"),
        ...READ,
      ],
      { "200": "a page" },
    ),
  },
  "/kv/txn": {
    post: taking(
      jsonBody(TXN_BODY),
      operation("Up to 128 operations, all or nothing", [], {
        "200": "all were done",
        "409": "nothing was done",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/watch": {
    get: operation(
      "Every change under a prefix, as server-sent events",
      [
        query("prefix", "string", "only keys that start with it"),
        query("key", "string", "only this key"),
        query("last_event_id", "string", "goes on behind this event, as the header Last-Event-ID does"),
      ],
      { "200": "events put, delete, reset, end" },
    ),
  },
  "/register": {
    put: taking(
      jsonBody(REGISTRATION_BODY),
      operation("Registers an instance of a service, or changes it", [], {
        "200": "registered",
        "409": "cas_conflict",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/deregister/{name}": {
    delete: operation("Removes an instance, or all of the name", [NAME, INSTANCE], {
      "200": "removed",
      "404": "no such instance",
      ...WRITE_FAILURES,
    }),
  },
  "/heartbeat/{name}": {
    put: operation("Renews the TTL of an instance", [NAME, INSTANCE], {
      "200": "renewed",
      "404": "no such instance",
      ...WRITE_FAILURES,
    }),
  },
  "/snapshot": {
    get: operation("A backup of the whole state, as a stream", [], { "200": "the backup" }),
    put: taking(
      BACKUP_REQUEST,
      operation("Replaces the whole state by a backup", [], {
        "200": "restored",
        "400": "the backup is damaged: nothing was changed",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/cluster/health": {
    get: operation("The health of every server, as the leader sees it", [], { "200": "the health" }),
  },
  "/cluster/autopilot": {
    get: operation("Autopilot's settings", [], { "200": "the settings" }),
    put: taking(
      jsonBody(AUTOPILOT_BODY),
      operation("Changes some of autopilot's settings", [], {
        "200": "stored",
        "400": "a field is wrong",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/debug": {
    get: operation(
      "What a support bundle holds of this node: redacted settings, the last log lines, a processor profile",
      [
        query("profile", "integer", "seconds of a processor profile, 0 to 60; none"),
        query("collect", "boolean", "collects garbage first: the memory is what somebody keeps"),
      ],
      { "200": "settings, log lines, versions, profile" },
    ),
  },
  "/cluster/autopilot/state": { get: operation("What autopilot makes of the servers", [], { "200": "its view" }) },
  "/cluster/upgrade": {
    get: operation("The cluster version, and what each member runs and understands", [], { "200": "the versions" }),
  },
  "/cluster/upgrade/finalize": {
    post: operation("Raises the cluster version to what all members understand; there is no way back", [], {
      "200": "raised, or nothing to raise",
      "409": "a member does not understand it, or is not connected",
      ...WRITE_FAILURES,
    }),
  },
  "/cluster/join": {
    post: taking(
      jsonBody(JOIN_BODY),
      operation("Dials a node and lets it in, as learner", [], {
        "200": "it is a member",
        "400": "the address does not parse, or something else answers there",
        "409": "its id is in use by a live node, or it belongs to another cluster",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/leave": {
    post: operation("This node hands over, leaves the cluster and stops", [], {
      "200": "it left",
      "409": "it is the last voter, or needed for the quorum",
      ...WRITE_FAILURES,
    }),
  },
  "/acl/bootstrap": {
    post: operation("Makes the first token, which may do everything", [], {
      "200": "the token with its secret",
      "409": "it was made already: says how to make another",
      ...WRITE_FAILURES,
    }),
  },
  "/acl/tokens": {
    get: operation("Lists tokens, without their secrets", [], { "200": "the tokens" }),
    post: taking(
      jsonBody(TOKEN_BODY),
      operation("Makes a token", [], {
        "200": "the token with its secret",
        "400": "a field is wrong",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/acl/tokens/self": { get: operation("Shows the token of the request", [], { "200": "the token" }) },
  "/acl/tokens/{id}": {
    get: operation("Shows a token", [ACCESSOR], { "200": "the token", "404": "no such token" }),
    put: taking(
      jsonBody(TOKEN_CHANGE_BODY),
      operation("Gives a token other policies", [ACCESSOR], {
        "200": "updated",
        "404": "no such token",
        ...WRITE_FAILURES,
      }),
    ),
    delete: operation("Deletes a token", [ACCESSOR], { "200": "deleted", "404": "no such token", ...WRITE_FAILURES }),
  },
  "/acl/policies": { get: operation("Lists policies", [], { "200": "the policies" }) },
  "/acl/policies/{name}": {
    get: operation("Shows a policy", [POLICY], { "200": "the policy", "404": "no such policy" }),
    put: taking(
      jsonBody(POLICY_BODY),
      operation("Makes or replaces a policy", [POLICY], {
        "200": "stored",
        "400": "a rule is wrong",
        ...WRITE_FAILURES,
      }),
    ),
    delete: operation("Deletes a policy that no token has", [POLICY], {
      "200": "deleted",
      "404": "no such policy",
      "409": "a token has it",
      ...WRITE_FAILURES,
    }),
  },
  "/sessions": {
    get: operation("Lists sessions", SESSION_READ, { "200": "the sessions, with the keys that each holds" }),
    post: taking(
      jsonBody(SESSION_BODY),
      operation("Makes a session, which holds locks: keys take ?acquire=ID and ?release=ID", [], {
        "200": "the session with its id",
        "400": "a field is wrong",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/sessions/{id}": {
    get: operation("Shows a session", [SESSION, ...SESSION_READ], { "200": "the session", "404": "it ended" }),
    delete: operation("Ends a session and its locks", [SESSION], {
      "200": "ended",
      "404": "it had ended",
      ...WRITE_FAILURES,
    }),
  },
  "/sessions/{id}/renew": {
    put: operation("Gives a session its full TTL again", [SESSION], {
      "200": "the session",
      "404": "it ended",
      ...WRITE_FAILURES,
    }),
  },
  "/services/": { get: operation("Lists services", [...FILTERS, ...READ], { "200": "the services" }) },
  "/services/{name}": {
    get: operation("Lists the instances of a service", [NAME, PASSING, ...FILTERS, ...READ], {
      "200": "the instances",
      "404": "none is registered",
    }),
  },
  "/health/service/{name}": {
    get: operation("The instances of a service and their checks", [NAME, PASSING, ...FILTERS, ...READ], {
      "200": "instances and checks",
      "404": "none is registered",
    }),
  },
  "/health/checks": { get: operation("All checks", [...FILTERS, ...READ], { "200": "the checks" }) },
  "/health/check/{id}": {
    put: taking(
      jsonBody(CHECK_REPORT_BODY),
      operation("Reports the status of a check", [{ ...NAME, name: "id", description: "service:NAME:INSTANCE" }], {
        "200": "updated",
        "404": "no such check",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/health": simple("get", "Health with its checks"),
  "/health/live": simple("get", "200 while the process runs"),
  "/health/ready": simple("get", "200 when this node is up to date"),
  "/metrics": simple("get", "Metrics for Prometheus"),
  "/cluster/status": simple(
    "get",
    "The cluster as its leader sees it; partial: no leader could be asked, and this is what this node knows",
  ),
  "/cluster/leader": {
    get: operation("Who leads", [], { "200": "the leader", "404": "no_leader: nobody leads at the moment" }),
  },
  "/cluster/peers": simple("get", "The members"),
  "/cluster/config": simple("get", "The membership in force"),
  "/cluster/snapshot": {
    post: operation("The leader takes a snapshot now", [LOCAL], {
      "200": "taken",
      "307": "another node leads: Location has the same path there",
      "409": "one is being taken already",
    }),
  },
  "/cluster/transfer": {
    post: taking(
      jsonBody(TRANSFER_BODY, { required: false }),
      operation("Hands leadership over, to whoever fits best or to the node that the body names", [], {
        "200": "it was handed over, or that node leads already",
        "400": "the body names no node",
        "404": "no such node",
        "409": "nobody can take it, with the reason",
        ...WRITE_FAILURES,
      }),
    ),
  },
  "/cluster/leave/{id}": { delete: operation("Removes a member", [NODE], MEMBERSHIP) },
  "/cluster/promote/{id}": { post: operation("Makes a learner a voter", [NODE], MEMBERSHIP) },
  "/cluster/demote/{id}": { post: operation("Makes a voter a learner for good", [NODE], MEMBERSHIP) },
};

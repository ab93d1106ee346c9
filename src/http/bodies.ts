import { ACL_CAPABILITIES, ACL_LIMITS, MANAGEMENT_POLICY } from "../fsm/index.ts";
import { duration, flag, integer, list, object, text, type ObjectSchema } from "./schema.ts";

/*
 * The JSON bodies of all routes: what the document at /swagger/json shows, and where those that read a body take the names
 * of its fields from. A test sends each field's example, a value of another type, and a field that is not here.
 */

const PORT_MAX = 65_535;

const VALUE = {
  value: text("text", { description: "a value that is text" }),
  value_base64: text("AAH/", { description: "a value of any bytes, as base64 with padding", format: "byte" }),
  flags: integer(42, { description: "0 to 2^64-1, for the client's own use; also as text", format: "uint64" }),
} as const;
const CAS = integer(0, { description: "only if its modify_index is this; 0: only if it is absent" });
const ONE_VALUE = { oneOf: ["value", "value_base64"] } as const;

export const KEY_BODY = object({ ...VALUE, cas: CAS }, ONE_VALUE);

const op = (name: string) => text(name, { enum: [name] });
const key = text("web/a", { description: "1 to 1024 bytes of UTF-8" });

/** What a transaction's operation takes, by its `op`. */
export const OPERATION_BODIES = {
  set: object({ op: op("set"), key, ...VALUE }, { required: ["op", "key"], ...ONE_VALUE }),
  delete: object({ op: op("delete"), key }, { required: ["op", "key"] }),
  get: object({ op: op("get"), key }, { required: ["op", "key"] }),
  "check-index": object(
    { op: op("check-index"), key, index: integer(0, { description: "the key's modify_index; 0: it is absent" }) },
    { required: ["op", "key", "index"] },
  ),
} as const;

export const TXN_BODY = object(
  {
    operations: list({ oneOf: Object.values(OPERATION_BODIES) }, [{ op: "set", key: "web/a", value: "1" }], {
      maxItems: 128,
    }),
  },
  { required: ["operations"] },
);

export const CHECK_BODY = object(
  {
    name: text("alive", { description: "without it: http or tcp" }),
    http: text("http://127.0.0.1:80/", {
      description: "the URL that the leader asks; checks.allow must name its network",
    }),
    tcp: text("127.0.0.1:80", { description: "HOST:PORT that the leader dials; checks.allow must name its network" }),
    ttl: duration("30s", "the owner reports at least this often"),
    interval: duration("10s", "between two checks, 500ms to 24h"),
    timeout: duration("5s", "at most the interval"),
    success_threshold: integer(1, { minimum: 1, maximum: 100, description: "so many in a row until it passes" }),
    failure_threshold: integer(1, { minimum: 1, maximum: 100, description: "so many in a row until it is critical" }),
  },
  { oneOf: ["http", "tcp", "ttl"] },
);

export const REGISTRATION_BODY = object(
  {
    name: text("web", { description: "of the service" }),
    id: text("web-1", { description: "of the instance; without it, the name" }),
    address: text("10.0.0.1"),
    port: integer(8080, { maximum: PORT_MAX }),
    tags: list(text("blue"), ["blue"], { maxItems: 64 }),
    meta: { type: "object", additionalProperties: text("a"), example: { zone: "a" } },
    weight: integer(1, { maximum: PORT_MAX, description: "1 without it" }),
    ttl: duration("30s", "without a heartbeat for this long it is critical; 0: it needs none"),
    deregister_after: duration("10m", "critical for this long, it is removed; 0: never"),
    checks: list(CHECK_BODY, [{ name: "alive", ttl: "30s" }], { maxItems: 16 }),
    cas: CAS,
  },
  { required: ["name", "address", "port"] },
);

export const CHECK_REPORT_BODY = object(
  {
    status: text("passing", { enum: ["passing", "warning", "critical"] }),
    output: text("all is well", { description: "at most 1024 bytes" }),
  },
  { required: ["status"] },
);

export const SESSION_BODY = object(
  {
    name: text("worker"),
    ttl: duration("15s", "ends unless it is renewed within, 1s to 24h; 0: it never ends by itself"),
    behavior: text("release", { enum: ["release", "delete"], description: "of the keys it holds, when it ends" }),
    lock_delay: duration("15s", "nobody gets a lock for so long after it was lost, 0 to 60s"),
  },
  { required: ["ttl"] },
);

const description = text("what it is for");
const policies = list(text(MANAGEMENT_POLICY), [MANAGEMENT_POLICY], { maxItems: ACL_LIMITS.policiesMax });

export const TOKEN_CHANGE_BODY = object({ description, policies }, { required: ["policies"] });
export const TOKEN_BODY = object(
  { description, policies, ttl: duration("12h", "it expires after this; without it, never") },
  { required: ["policies"] },
);

const CAPABILITIES = [...new Set(Object.values(ACL_CAPABILITIES).flat())];

export const RULE_BODY = object(
  {
    resource: text("kv", { enum: Object.keys(ACL_CAPABILITIES) }),
    prefix: text("web/", { description: "only one of prefix, exact and glob; none: all of them" }),
    exact: text("web/a"),
    glob: text("web/*"),
    capabilities: list(text("read", { enum: CAPABILITIES }), ["read"]),
  },
  { required: ["resource", "capabilities"] },
);

export const POLICY_BODY = object(
  {
    description,
    rules: list(RULE_BODY, [{ resource: "kv", prefix: "web/", capabilities: ["read"] }], {
      maxItems: ACL_LIMITS.rulesMax,
    }),
  },
  { required: ["rules"] },
);

export const AUTOPILOT_BODY = object({
  cleanup_dead_servers: flag("removes servers that are gone for good"),
  last_contact_threshold: duration("500ms", "who was not heard for longer is not healthy; at least 100ms"),
  max_trailing_logs: integer(1000, { description: "who is more entries behind is not healthy" }),
  min_quorum: integer(3, { description: "dead servers are removed down to this many that vote or stand by" }),
  dead_server_after: duration("10m", "who was not heard for this long is gone for good; at least 1s"),
  server_stabilization_time: duration("10s", "healthy for this long before it votes"),
  redundancy_zones: flag("one voter in each zone"),
  upgrade_migration: flag("servers of a newer release take over together"),
});

export const JOIN_BODY = object(
  {
    address: text("10.0.1.12:7000", { description: "HOST:PORT of the node's peer port" }),
    node_id: text("node-3", { description: "turns away what answers there under another id" }),
  },
  { required: ["address"] },
);

export const TRANSFER_BODY = object({ to: text("node-2", { description: "id of the voter that is to lead" }) });

interface RequestBody {
  readonly required: boolean;
  readonly content: Readonly<Record<string, { readonly schema: object }>>;
}

export function jsonBody(schema: ObjectSchema, { required = true }: { readonly required?: boolean } = {}): RequestBody {
  return { required, content: { "application/json": { schema } } };
}

const BYTES = { type: "string", format: "binary" } as const;

/** Every type but JSON is the value itself. */
export const KEY_REQUEST: RequestBody = {
  required: false,
  content: { "application/json": { schema: KEY_BODY }, "application/octet-stream": { schema: BYTES } },
};
export const BACKUP_REQUEST: RequestBody = {
  required: true,
  content: { "application/vnd.konsul.backup": { schema: BYTES } },
};

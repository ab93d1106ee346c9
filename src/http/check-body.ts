import type { ServiceInstance } from "../fsm/index.ts";
import { CHECK_BODY } from "./bodies.ts";
import { isRecord } from "./body.ts";
import { durationOf } from "./duration-field.ts";
import { badRequest } from "./errors.ts";
import { namesOf, unknownField } from "./schema.ts";

type ActiveCheck = ServiceInstance["checks"][number];
type RefuseCheck = (kind: ActiveCheck["kind"], target: string) => string | undefined;

interface Checks {
  /** Sorted by name. */
  readonly checks: readonly ActiveCheck[];
  /** Of the check that is a TTL. */
  readonly ttlMs: number | undefined;
}

const CHECKS_MAX = 16;
const TARGET_BYTES_MAX = 1024;
const NAME_BYTES_MAX = 256;
const INTERVAL_MS = 10_000;
const INTERVAL_MS_MIN = 500;
const INTERVAL_MS_MAX = 86_400_000;
const TIMEOUT_MS = 5000;
const THRESHOLD_MAX = 100;

/** The field `checks` of a registration. @throws ApiError that names what is wrong */
export function readChecks(value: unknown, refuse: RefuseCheck): Checks {
  if (value === undefined) return { checks: [], ttlMs: undefined };
  if (!Array.isArray(value)) throw badRequest("checks", "must be a list");
  if (value.length > CHECKS_MAX) throw badRequest("checks", `must be at most ${CHECKS_MAX}: there are ${value.length}`);
  const ttls: number[] = [];
  const checks: ActiveCheck[] = [];
  for (const check of value.map(toRecord)) {
    const kind = kindOf(check);
    if (kind === "ttl") ttls.push(durationOf("checks.ttl", check["ttl"]) ?? 0);
    else checks.push(readActive(check, kind, refuse));
  }
  if (ttls.length > 1) throw badRequest("checks", `must hold one TTL at most: there are ${ttls.length}`);
  const sorted = checks.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const twice = sorted.find(({ name }, at) => sorted[at + 1]?.name === name);
  if (twice !== undefined) throw badRequest("checks", `must have names of their own: "${twice.name}" is there twice`);
  return { checks: sorted, ttlMs: ttls[0] };
}

type Fields = Readonly<Record<string, unknown>>;

function toRecord(check: unknown): Fields {
  if (!isRecord(check)) throw badRequest("checks", 'must hold objects such as {"name": "alive", "ttl": "30s"}');
  const field = unknownField(check, CHECK_BODY);
  if (field !== undefined) {
    throw badRequest(`checks.${field}`, `is no field of a check; it takes ${namesOf(CHECK_BODY)}`);
  }
  return check;
}

function kindOf(check: Fields): "http" | "tcp" | "ttl" {
  const kinds = (["http", "tcp", "ttl"] as const).filter((kind) => check[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    throw badRequest("checks", `must each have one of http, tcp and ttl: one has ${kinds.join(" and ") || "none"}`);
  }
  return kind;
}

function readActive(check: Fields, kind: ActiveCheck["kind"], refuse: RefuseCheck): ActiveCheck {
  const target = check[kind];
  if (typeof target !== "string" || !target.isWellFormed() || Buffer.byteLength(target) > TARGET_BYTES_MAX) {
    throw badRequest(`checks.${kind}`, `must be text of at most ${TARGET_BYTES_MAX} bytes`);
  }
  const refusal = refuse(kind, target);
  if (refusal !== undefined) throw badRequest(`checks.${kind}`, refusal);
  const intervalMs = durationOf("checks.interval", check["interval"]) ?? INTERVAL_MS;
  if (intervalMs < INTERVAL_MS_MIN || intervalMs > INTERVAL_MS_MAX) {
    throw badRequest("checks.interval", `must be from ${INTERVAL_MS_MIN}ms to 24h`);
  }
  const timeoutMs = durationOf("checks.timeout", check["timeout"]) ?? Math.min(TIMEOUT_MS, intervalMs);
  if (timeoutMs < 1 || timeoutMs > intervalMs) throw badRequest("checks.timeout", "must be from 1ms to the interval");
  return {
    name: nameOf(check["name"] ?? kind),
    kind,
    target,
    intervalMs,
    timeoutMs,
    successThreshold: thresholdOf("checks.success_threshold", check["success_threshold"]),
    failureThreshold: thresholdOf("checks.failure_threshold", check["failure_threshold"]),
  };
}

/** Names stand in the ids of checks. */
function nameOf(value: unknown): string {
  const isName = typeof value === "string" && /^[^\p{C}/:]+$/u.test(value) && value.isWellFormed();
  if (isName && Buffer.byteLength(value) <= NAME_BYTES_MAX) return value;
  throw badRequest("checks.name", `must be text of 1 to ${NAME_BYTES_MAX} bytes without / and :`);
}

function thresholdOf(field: string, value: unknown): number {
  if (value === undefined) return 1;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= THRESHOLD_MAX) return value;
  throw badRequest(field, `must be a whole number from 1 to ${THRESHOLD_MAX}: it is ${JSON.stringify(value)}`);
}

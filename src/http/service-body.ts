import type { CheckStatus, ServiceInstance } from "../fsm/index.ts";
import { readChecks } from "./check-body.ts";
import { durationOf } from "./duration-field.ts";
import { CHECK_REPORT_BODY, REGISTRATION_BODY } from "./bodies.ts";
import { isRecord, readFields } from "./body.ts";
import { badRequest } from "./errors.ts";

const BODY_BYTES_MAX = 64 * 1024;
const NAME_BYTES_MAX = 256;
const TEXT_BYTES_MAX = 1024;
const LIST_MAX = 64;
const DEREGISTER_AFTER_TTLS = 10;

export interface Registration {
  readonly name: string;
  readonly id: string;
  readonly instance: ServiceInstance;
  readonly cas: number | undefined;
}

export interface ServiceDefaults {
  /** 0: none. */
  readonly ttlMs: number;
  /** 0: never; undefined: 10 TTLs. */
  readonly deregisterAfterMs: number | undefined;
  /** Why this node would not run such a check; undefined: it would. */
  readonly refuseCheck: (kind: "http" | "tcp", target: string) => string | undefined;
}

/** @throws ApiError that names the field */
export async function readRegistration(request: Request, defaults: ServiceDefaults): Promise<Registration> {
  const body = await readFields(request, REGISTRATION_BODY, BODY_BYTES_MAX);
  const name = checkName("name", body["name"]);
  const id = body["id"] === undefined ? name : checkName("id", body["id"]);
  const { checks, ttlMs: checkTtlMs } = readChecks(body["checks"], defaults.refuseCheck);
  const ownTtlMs = durationOf("ttl", body["ttl"]);
  if (ownTtlMs !== undefined && checkTtlMs !== undefined) {
    throw badRequest("checks", "must hold no TTL where ttl is given");
  }
  const ttlMs = ownTtlMs ?? checkTtlMs ?? defaults.ttlMs;
  const after = durationOf("deregister_after", body["deregister_after"]);
  const deregisterAfterMs = after ?? (ttlMs === 0 ? 0 : (defaults.deregisterAfterMs ?? ttlMs * DEREGISTER_AFTER_TTLS));
  if (after !== undefined && after !== 0 && after < ttlMs) {
    throw badRequest("deregister_after", "must be 0 (never) or at least the TTL");
  }
  const instance: ServiceInstance = {
    address: textOf("address", body["address"]),
    port: integerOf("port", body["port"], 65_535),
    tags: tagsOf(body["tags"]),
    meta: metaOf(body["meta"]),
    weight: body["weight"] === undefined ? 1 : integerOf("weight", body["weight"], 65_535),
    ttlMs,
    deregisterAfterMs,
    checks,
  };
  const cas = body["cas"] === undefined ? undefined : integerOf("cas", body["cas"], Number.MAX_SAFE_INTEGER);
  return { name, id, instance, cas };
}

export interface CheckReport {
  readonly status: CheckStatus;
  readonly output: string;
}

export async function readCheckReport(request: Request): Promise<CheckReport> {
  const { status, output = "" } = await readFields(request, CHECK_REPORT_BODY, BODY_BYTES_MAX);
  if (status !== "passing" && status !== "warning" && status !== "critical") {
    throw badRequest("status", 'must be "passing", "warning" or "critical"');
  }
  return { status, output: output === "" ? "" : textOf("output", output) };
}

/** Names of services and instances. @throws ApiError */
export function checkName(field: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw badRequest(field, "must be there, as text");
  const isPlain = value.isWellFormed() && !value.includes("\0") && !value.includes("/");
  if (!isPlain || Buffer.byteLength(value) > NAME_BYTES_MAX) {
    throw badRequest(field, `must have at most ${NAME_BYTES_MAX} bytes, no slash and no NUL`);
  }
  return value;
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== "string" || !value.isWellFormed()) throw badRequest(field, "must be text");
  const size = Buffer.byteLength(value);
  if (size === 0 || size > TEXT_BYTES_MAX)
    throw badRequest(field, `must have 1 to ${TEXT_BYTES_MAX} bytes: it has ${size}`);
  return value;
}

function integerOf(field: string, value: unknown, max: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw badRequest(field, `must be a whole number from 0 to ${max}: it is ${JSON.stringify(value)}`);
}

function tagsOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > LIST_MAX)
    throw badRequest("tags", `must be a list of at most ${LIST_MAX}`);
  return [...new Set(value.map((tag: unknown) => textOf("tags", tag)))].toSorted();
}

function metaOf(value: unknown): ServiceInstance["meta"] {
  if (value === undefined) return [];
  if (!isRecord(value)) throw badRequest("meta", 'must be an object such as {"zone": "a"}');
  const pairs = Object.entries(value).map(([name, text]) => [textOf("meta", name), textOf("meta", text)] as const);
  if (pairs.length > LIST_MAX) throw badRequest("meta", `must have at most ${LIST_MAX} fields`);
  return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

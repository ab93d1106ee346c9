import { ACL_CAPABILITIES, ACL_LIMITS, type AclCapability, type AclResource, type AclRule } from "../fsm/index.ts";
import { POLICY_BODY, RULE_BODY, TOKEN_BODY, TOKEN_CHANGE_BODY } from "./bodies.ts";
import { isRecord, readFields } from "./body.ts";
import { parseDuration } from "./duration.ts";
import { badRequest } from "./errors.ts";
import { unknownField } from "./schema.ts";

const BODY_BYTES_MAX = 512 * 1024;
const NAME = /^[\w.-]+$/;

export interface PolicyBody {
  readonly description: string;
  readonly rules: readonly AclRule[];
}

export interface TokenBody {
  readonly description: string;
  readonly policies: readonly string[];
  /** Undefined: never expires. */
  readonly ttlMs: number | undefined;
}

/** @throws ApiError that names the field */
export async function readPolicy(request: Request): Promise<PolicyBody> {
  const body = await readFields(request, POLICY_BODY, BODY_BYTES_MAX);
  const { rules } = body;
  if (!Array.isArray(rules) || rules.length > ACL_LIMITS.rulesMax) {
    throw badRequest("rules", `must be a list of at most ${ACL_LIMITS.rulesMax} rules`);
  }
  return { description: descriptionOf(body), rules: rules.map(ruleOf) };
}

/** @throws ApiError that names the field */
export async function readToken(request: Request, isNew: boolean): Promise<TokenBody> {
  const body = await readFields(request, isNew ? TOKEN_BODY : TOKEN_CHANGE_BODY, BODY_BYTES_MAX);
  const { policies, ttl } = body;
  if (!Array.isArray(policies) || policies.length > ACL_LIMITS.policiesMax) {
    throw badRequest("policies", `must be a list of at most ${ACL_LIMITS.policiesMax} names`);
  }
  const names = policies.map((name: unknown) => checkAclName("policies", name));
  const ttlMs = typeof ttl === "string" ? parseDuration(ttl) : undefined;
  if (ttl !== undefined && (ttlMs === undefined || ttlMs === 0)) {
    throw badRequest("ttl", `must be a duration such as 30m or 12h: it is ${JSON.stringify(ttl)}`);
  }
  return { description: descriptionOf(body), policies: [...new Set(names)], ttlMs };
}

/** Names of policies and accessors of tokens. @throws ApiError */
export function checkAclName(field: string, name: unknown): string {
  if (typeof name === "string" && NAME.test(name) && name.length <= ACL_LIMITS.nameBytesMax) return name;
  throw badRequest(field, `must be 1 to ${ACL_LIMITS.nameBytesMax} letters, digits, dots and dashes`);
}

function descriptionOf({ description = "" }: Readonly<Record<string, unknown>>): string {
  const isText = typeof description === "string" && description.isWellFormed();
  if (isText && Buffer.byteLength(description) <= ACL_LIMITS.descriptionBytesMax) return description;
  throw badRequest("description", `must be text of at most ${ACL_LIMITS.descriptionBytesMax} bytes`);
}

function ruleOf(rule: unknown, at: number): AclRule {
  const where = `rules[${at}]`;
  if (!isRecord(rule)) {
    throw badRequest(where, 'must be an object such as {"resource": "kv", "prefix": "web/", "capabilities": ["read"]}');
  }
  const { resource, capabilities } = rule;
  const unknown = unknownField(rule, RULE_BODY);
  if (unknown !== undefined) {
    throw badRequest(where, `takes resource, prefix or exact or glob, and capabilities: ${unknown} is none of these`);
  }
  if (!isResource(resource)) {
    throw badRequest(where, `must have a resource, which is one of ${Object.keys(ACL_CAPABILITIES).join(", ")}`);
  }
  const matches = (["prefix", "exact", "glob"] as const).filter((kind) => rule[kind] !== undefined);
  if (matches.length > 1) throw badRequest(where, "must have only one of prefix, exact and glob");
  const kind = matches[0] ?? "prefix";
  const pattern = rule[kind] ?? "";
  const isText = typeof pattern === "string" && pattern.isWellFormed();
  if (!isText || Buffer.byteLength(pattern) > ACL_LIMITS.patternBytesMax) {
    throw badRequest(where, `must have text of at most ${ACL_LIMITS.patternBytesMax} bytes as ${kind}`);
  }
  return { resource, match: { kind, pattern }, capabilities: capabilitiesOf(where, resource, capabilities) };
}

function isResource(value: unknown): value is AclResource {
  return typeof value === "string" && Object.hasOwn(ACL_CAPABILITIES, value);
}

function capabilitiesOf(where: string, resource: AclResource, value: unknown): readonly AclCapability[] {
  const known: readonly AclCapability[] = ACL_CAPABILITIES[resource];
  const given: readonly unknown[] = Array.isArray(value) ? value : [];
  const found = known.filter((one) => given.includes(one));
  if (found.length > 0 && given.every((one) => known.some((name) => name === one))) return found;
  throw badRequest(where, `must have capabilities for ${resource} out of ${known.join(", ")}`);
}

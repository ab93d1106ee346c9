import { unreachable } from "../../base/index.ts";
import {
  ANONYMOUS,
  isAclResult,
  MANAGEMENT_POLICY,
  type AclCommand,
  type AclPolicyRow,
  type AclResult,
  type AclTokenRow,
} from "../../fsm/index.ts";
import { hashSecret } from "../access.ts";
import { checkAclName, readPolicy, readToken } from "../acl-body.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { writeFailure } from "../failures.ts";
import { decodeName } from "../key-path.ts";
import { refuseParameters } from "../query.ts";
import type { Responder } from "../respond.ts";
import type { RequestUrl } from "../request-url.ts";

export interface AclCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
  readonly access: { readonly actor: string };
}

/**
 * The first token. Anybody may ask for it, once; later only somebody who can write a file on the machine of the leader,
 * with the number that the refusal gave.
 */
export async function bootstrapAcl(deps: HttpDeps, { url, respond }: AclCall): Promise<Response> {
  refuseParameters(url);
  requireEnabled(deps);
  const { accessor, secret, secretHash } = mint();
  const resetIndex = deps.aclReset.read();
  const result = await write(deps, url, { kind: "acl-bootstrap", accessor, secretHash, resetIndex });
  if (result.kind === "acl-bootstrapped") {
    throw new ApiError(
      "conflict",
      `The first token was made already. If it is lost, write ${result.index} into the file ${deps.aclReset.file} on the ` +
        "machine of the leader, and ask again",
      { fields: { reset_index: result.index } },
    );
  }
  if (result.kind !== "acl-changed") throw unexpected(result);
  deps.aclReset.clear();
  deps.logger.warn("The first token of access control was made", { accessor, request_id: respond.requestId });
  return respond.json({ accessor_id: accessor, secret, policies: [MANAGEMENT_POLICY] });
}

export function listTokens(deps: HttpDeps, { respond }: AclCall): Response {
  requireEnabled(deps);
  return respond.json({ tokens: deps.replica.fsm.acl.tokens().map(([accessor, row]) => tokenFields(accessor, row)) });
}

/** The secret is in this answer and nowhere else. */
export async function createToken(deps: HttpDeps, { request, url, respond }: AclCall): Promise<Response> {
  refuseParameters(url);
  requireEnabled(deps);
  const { description, policies, ttlMs } = await readToken(request, true);
  const { accessor, secret, secretHash } = mint();
  const expiresAt = ttlMs === undefined ? 0 : deps.clock.wall() + ttlMs;
  const command = { accessor, secretHash, description, policies, expiresAt } as const;
  const result = await write(deps, url, { kind: "acl-token-create", ...command });
  if (result.kind !== "acl-changed") throw unexpected(result);
  const { modifyIndex } = result;
  const row = { ...command, createIndex: modifyIndex, modifyIndex };
  return respond.json({ ...tokenFields(accessor, row), secret });
}

export function getToken(deps: HttpDeps, { url, respond }: AclCall): Response {
  requireEnabled(deps);
  return tokenAnswer(deps, respond, nameBehind(url, "/acl/tokens/"));
}

/** What the caller's own token is. */
export function ownToken(deps: HttpDeps, { respond, access }: AclCall): Response {
  requireEnabled(deps);
  if (access.actor === ANONYMOUS) return respond.json({ accessor_id: ANONYMOUS, policies: [] });
  return tokenAnswer(deps, respond, access.actor);
}

export async function updateToken(deps: HttpDeps, { request, url, respond }: AclCall): Promise<Response> {
  refuseParameters(url);
  requireEnabled(deps);
  const accessor = nameBehind(url, "/acl/tokens/");
  const { description, policies } = await readToken(request, false);
  const result = await write(deps, url, { kind: "acl-token-update", accessor, description, policies });
  if (result.kind !== "acl-changed") throw unexpected(result);
  return respond.json({ message: "Updated", accessor_id: accessor, modify_index: result.modifyIndex });
}

export async function deleteToken(deps: HttpDeps, { url, respond }: AclCall): Promise<Response> {
  refuseParameters(url);
  requireEnabled(deps);
  const accessor = nameBehind(url, "/acl/tokens/");
  const result = await write(deps, url, { kind: "acl-token-delete", accessor });
  if (result.kind !== "acl-changed") throw unexpected(result);
  return respond.json({ message: "Deleted", accessor_id: accessor, modify_index: result.modifyIndex });
}

export function listPolicies(deps: HttpDeps, { respond }: AclCall): Response {
  requireEnabled(deps);
  return respond.json({ policies: deps.replica.fsm.acl.policies().map(([name, row]) => policyFields(name, row)) });
}

export function getPolicy(deps: HttpDeps, { url, respond }: AclCall): Response {
  requireEnabled(deps);
  const name = nameBehind(url, "/acl/policies/");
  const row = deps.replica.fsm.acl.policy(name);
  if (row === undefined) throw new ApiError("not_found", `There is no policy ${name}`);
  return respond.json(policyFields(name, row));
}

export async function putPolicy(deps: HttpDeps, { request, url, respond }: AclCall): Promise<Response> {
  refuseParameters(url);
  requireEnabled(deps);
  const name = nameBehind(url, "/acl/policies/");
  const result = await write(deps, url, { kind: "acl-policy-set", name, ...(await readPolicy(request)) });
  if (result.kind !== "acl-changed") throw unexpected(result);
  return respond.json({ message: "Stored", name, modify_index: result.modifyIndex });
}

export async function deletePolicy(deps: HttpDeps, { url, respond }: AclCall): Promise<Response> {
  refuseParameters(url);
  requireEnabled(deps);
  const name = nameBehind(url, "/acl/policies/");
  const result = await write(deps, url, { kind: "acl-policy-delete", name });
  if (result.kind !== "acl-changed") throw unexpected(result);
  return respond.json({ message: "Deleted", name, modify_index: result.modifyIndex });
}

async function write(deps: HttpDeps, url: RequestUrl, command: AclCommand): Promise<AclResult> {
  const outcome = await deps.replica.write(command);
  if (outcome.kind !== "done") throw writeFailure(outcome, url.href);
  if (isAclResult(outcome.result)) return outcome.result;
  throw new ApiError("internal", `The write gave the unexpected result ${outcome.result.kind}`);
}

/** 256 random bits: nothing to guess, so that one round of SHA-256 is enough to keep them. */
function mint(): { readonly accessor: string; readonly secret: string; readonly secretHash: string } {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  return { accessor: crypto.randomUUID(), secret, secretHash: hashSecret(secret) };
}

function requireEnabled({ access }: HttpDeps): void {
  if (!access.isEnabled)
    throw new ApiError("conflict", "Access control is off on this node: set acl.enabled on all nodes");
}

function tokenAnswer({ replica }: HttpDeps, respond: Responder, accessor: string): Response {
  const row = replica.fsm.acl.token(accessor);
  if (row === undefined) throw new ApiError("not_found", "There is no such token");
  return respond.json(tokenFields(accessor, row));
}

function tokenFields(accessor: string, row: AclTokenRow): Readonly<Record<string, unknown>> {
  return {
    accessor_id: accessor,
    description: row.description,
    policies: row.policies,
    expires_at: row.expiresAt === 0 ? null : new Date(row.expiresAt).toISOString(),
    create_index: row.createIndex,
    modify_index: row.modifyIndex,
  };
}

function policyFields(name: string, row: AclPolicyRow): Readonly<Record<string, unknown>> {
  const rules = row.rules.map(({ resource, match, capabilities }) => ({
    resource,
    [match.kind]: match.pattern,
    capabilities,
  }));
  const { description, createIndex, modifyIndex } = row;
  return { name, description, rules, create_index: createIndex, modify_index: modifyIndex };
}

function nameBehind({ pathname }: RequestUrl, start: string): string {
  return checkAclName("name", decodeName(pathname.slice(start.length)));
}

function unexpected(result: AclResult): ApiError {
  switch (result.kind) {
    case "acl-not-found":
      return new ApiError("not_found", "There is no such token or policy");
    case "acl-built-in":
      return new ApiError("conflict", "This one is built in: it cannot be changed or deleted");
    case "acl-unknown-policy":
      return new ApiError("bad_request", `There is no policy ${result.name}: make it first`, {
        fields: { field: "policies" },
      });
    case "acl-policy-in-use":
      return new ApiError("conflict", `The token ${result.accessor} has this policy: take it from there first`, {
        fields: { accessor_id: result.accessor },
      });
    case "acl-changed":
    case "acl-exists":
    case "acl-bootstrapped":
      return new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
    default:
      return unreachable(result);
  }
}

import { fromUtf8, utf8, type LogIndex } from "../../base/index.ts";
import { isKvResult, type KvCommand, type KvResult } from "../../fsm/index.ts";
import { readValue } from "../body.ts";
import type { RouteDeps } from "../deps.ts";
import type { ReadFailure, WriteOutcome } from "../../replica/index.ts";
import { ApiError, badRequest } from "../errors.ts";
import { readFailure, writeFailure } from "../failures.ts";
import { parseFlags } from "../flags.ts";
import { onceKeyOf, reusedKey } from "../idempotency.ts";
import { keyFields } from "../key-fields.ts";
import { checkKey, checkPrefix, checkWrittenKey, type NamedKey } from "../key-path.ts";
import { Query, READ_PARAMETERS } from "../query.ts";
import type { Responder } from "../respond.ts";
import { putLocked } from "./locks.ts";
import type { RequestUrl } from "../request-url.ts";

const GET_PARAMETERS = [...READ_PARAMETERS, "raw", "key"];
const KEYS_DELETED_MAX = 100_000;

/** What every write looks at. */
export interface WriteCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly access: { readonly actor: string };
}

/** One request to the key-value routes; the key is checked already, and empty only where keys are deleted by their prefix. */
export interface KvCall extends WriteCall, NamedKey {
  readonly respond: Responder;
}

/** Proposes a command and gives its result. @throws ApiError for every other outcome */
export async function write(deps: RouteDeps, call: WriteCall, command: KvCommand): Promise<KvResult> {
  return resultOf(await deps.replica.write(command, onceKeyOf(call)), call.url);
}

/** @throws ApiError where it was not done */
export function resultOf(outcome: WriteOutcome, url: RequestUrl): KvResult {
  if (outcome.kind !== "done") throw writeFailure(outcome, url.href);
  const { result } = outcome;
  if (result.kind === "once-mismatch") throw reusedKey();
  if (!isKvResult(result)) throw new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
  return result;
}

export async function putKey(deps: RouteDeps, call: KvCall): Promise<Response> {
  const query = new Query(call.url, ["flags", "cas", "key", "acquire", "release"]);
  const key = checkWrittenKey(call.key, deps.limits.keyBytesMax);
  const body = await readValue(call.request, deps.limits.valueBytesMax);
  const written =
    body instanceof Uint8Array ? { value: body, flags: parseFlags(query.raw("flags")), cas: undefined } : body;
  const cas = query.index("cas") ?? written.cas;
  const { value, flags } = written;
  const lock = lockTerms(query, cas);
  if (lock !== undefined) return putLocked(deps, call, { ...lock, key, value, flags });
  const command: KvCommand = { kind: "kv-set", key, value, flags };
  return stored(deps, call, await write(deps, call, cas === undefined ? command : { ...command, cas }));
}

/** The answer to a value that was written. @throws ApiError where it could not be */
export function stored(
  deps: RouteDeps,
  { respond, keyText }: Pick<KvCall, "respond" | "keyText">,
  result: KvResult,
): Response {
  deps.kvCounters.put.increase();
  if (result.kind !== "kv-set") throw unexpected(result);
  return respond.json({ message: "Stored", key: keyText, modify_index: result.modifyIndex });
}

/** `?acquire=` or `?release=`, with the session behind it. @throws ApiError */
function lockTerms(
  query: Query,
  cas: LogIndex | undefined,
): { readonly kind: "lock-acquire" | "lock-release"; readonly session: string } | undefined {
  const [acquire, release] = [query.text("acquire"), query.text("release")];
  const given = acquire ?? release;
  if (given === undefined) return undefined;
  const name = acquire === undefined ? "release" : "acquire";
  if (acquire !== undefined && release !== undefined) throw badRequest("release", "does not go with acquire");
  if (cas !== undefined) throw badRequest("cas", `does not go with ${name}`);
  const session = fromUtf8(given);
  if (!/^[\w-]{1,64}$/.test(session)) throw badRequest(name, "must be the id of a session, as POST /sessions gave it");
  return { kind: `lock-${name}`, session };
}

export function getKey(deps: RouteDeps, call: KvCall): Response | Promise<Response> {
  const query = new Query(call.url, GET_PARAMETERS);
  const prepared = deps.replica.prepareRead(query.readTerms({ key: call.key }, call.request));
  const answer = (failure: ReadFailure | undefined): Response => {
    if (failure !== undefined) throw readFailure(failure);
    return answerKey(deps, call, query);
  };
  return prepared instanceof Promise ? prepared.then(answer) : answer(prepared);
}

function answerKey(deps: RouteDeps, { key, keyText, respond }: KvCall, query: Query): Response {
  deps.kvCounters.get.increase();
  const row = deps.replica.fsm.kv.get(key);
  if (row === undefined) throw new ApiError("not_found", "There is no such key", { fields: { key: keyText } });
  if (query.flag("raw")) {
    const headers = { "X-Konsul-Modify-Index": String(row.modifyIndex), "X-Konsul-Flags": String(row.flags) };
    return respond.bytes(row.value, { type: "application/octet-stream", headers });
  }
  return respond.json(keyFields(keyText, row));
}

export async function deleteKey(deps: RouteDeps, call: KvCall): Promise<Response> {
  const query = new Query(call.url, ["cas", "recurse", "limit", "key"]);
  if (query.flag("recurse")) return deleteTree(deps, call, query);
  if (query.has("limit")) throw badRequest("limit", "goes with recurse");
  const key = checkKey(call.key);
  const cas = query.index("cas");
  const result = await write(deps, call, { kind: "kv-delete", key, ...(cas === undefined ? {} : { cas }) });
  deps.kvCounters.delete.increase();
  if (result.kind !== "kv-delete") throw unexpected(result);
  return call.respond.json({ message: "Deleted", key: call.keyText, modify_index: result.modifyIndex });
}

async function deleteTree(deps: RouteDeps, call: KvCall, query: Query): Promise<Response> {
  if (query.has("cas")) throw badRequest("cas", "does not go with recurse");
  const prefix = checkPrefix(call.key);
  const slice = query.integer("limit", { min: 1, max: KEYS_DELETED_MAX });
  const limit = slice ?? deps.limits.recursiveDeleteMax;
  const whenMore = slice === undefined ? "refuse" : "slice";
  const result = await write(deps, call, { kind: "kv-delete-prefix", prefix, limit, whenMore });
  deps.kvCounters["delete-tree"].increase();
  if (result.kind === "too-many") {
    const count = deps.replica.fsm.kv.count(prefix, Number.MAX_SAFE_INTEGER);
    throw new ApiError(
      "too_large",
      `${count} keys start with this prefix, where at most ${limit} are deleted at once: delete them in slices with ?limit=`,
      { fields: { count } },
    );
  }
  if (result.kind !== "kv-delete-prefix") throw unexpected(result);
  const { deleted, more, modifyIndex } = result;
  return call.respond.json({ message: "Deleted", deleted, more, modify_index: modifyIndex });
}

export async function listKeys(deps: RouteDeps, call: Omit<KvCall, keyof NamedKey>): Promise<Response> {
  const query = new Query(call.url, [...READ_PARAMETERS, "prefix", "keys", "limit", "after"]);
  const prefix = checkPrefix(query.text("prefix") ?? utf8(""));
  const limit = query.integer("limit", { min: 1, max: 10_000 }) ?? deps.limits.page;
  const after = query.text("after");
  const failure = await deps.replica.prepareRead(query.readTerms({ prefix }, call.request));
  if (failure !== undefined) throw readFailure(failure);
  deps.kvCounters.list.increase();
  const page = { prefix, limit, ...(after === undefined ? {} : { after }) };
  const { kv } = deps.replica.fsm;
  const found = query.flag("keys") ? kv.keys(page) : kv.list(page);
  const items = found.items.map((item) =>
    item instanceof Uint8Array ? fromUtf8(item) : keyFields(fromUtf8(item.key), item.row),
  );
  const next = found.next === undefined ? {} : { next: fromUtf8(found.next) };
  return call.respond.json(query.flag("keys") ? { keys: items, ...next } : { entries: items, ...next });
}

/** The outcomes that any write to a key can have. */
function unexpected(result: KvResult): ApiError {
  if (result.kind === "not-found") return new ApiError("not_found", "There is no such key");
  if (result.kind === "cas-conflict") {
    const { modifyIndex } = result;
    const now = modifyIndex === 0 ? "the key does not exist" : `its modify_index is ${modifyIndex}`;
    return new ApiError("cas_conflict", `The key was not changed: ${now}`, { fields: { modify_index: modifyIndex } });
  }
  return new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
}

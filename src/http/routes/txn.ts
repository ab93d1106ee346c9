import { fromUtf8, utf8 } from "../../base/index.ts";
import type { AclNeed, KvOperation, KvOperationResult } from "../../fsm/index.ts";
import { OPERATION_BODIES, TXN_BODY } from "../bodies.ts";
import { checkSize, isJson, isRecord, parseJson, readBytes, valueOf } from "../body.ts";
import type { RouteDeps } from "../deps.ts";
import { ApiError, badRequest } from "../errors.ts";
import { parseFlags } from "../flags.ts";
import { keyFields } from "../key-fields.ts";
import { checkKey, checkWrittenKey, type NamedKey } from "../key-path.ts";
import { refuseParameters } from "../query.ts";
import { namesOf, refuseUnknown, unknownField } from "../schema.ts";
import { write, type KvCall } from "./kv.ts";

const OPERATIONS_MAX = 128;
/** Base64, escapes and the names around them. */
const BODY_PER_BYTE = 2;

export interface TxnCall extends Omit<KvCall, keyof NamedKey> {
  readonly access: KvCall["access"] & {
    readonly demand: (needs: readonly AclNeed[]) => undefined | Promise<undefined>;
  };
}

const CAPABILITY = { set: "write", delete: "delete", get: "read", "check-index": "read" } as const;

/** Up to 128 operations, all or nothing. */
export async function transact(deps: RouteDeps, call: TxnCall): Promise<Response> {
  refuseParameters(call.url);
  const bytesMax = deps.limits.txnBytesMax;
  if (!isJson(call.request)) throw new ApiError("unsupported_media_type", "A transaction is sent as application/json");
  const body = parseJson(await readBytes(call.request, BODY_PER_BYTE * bytesMax));
  if (isRecord(body)) refuseUnknown(body, TXN_BODY);
  const list: unknown = isRecord(body) ? body["operations"] : undefined;
  if (!Array.isArray(list) || list.length === 0)
    throw badRequest("operations", "must be a list with at least one operation");
  if (list.length > OPERATIONS_MAX)
    throw new ApiError(
      "too_large",
      `The transaction has ${list.length} operations, where at most ${OPERATIONS_MAX} are allowed`,
    );
  const operations = list.map((one: unknown, at) => operation(deps, one, at));
  await call.access.demand(
    operations.map(({ op, key }) => ({ resource: "kv", capability: CAPABILITY[op], scope: { exact: fromUtf8(key) } })),
  );
  const size = operations.reduce((sum, one) => sum + one.key.length + (one.op === "set" ? one.value.length : 0), 0);
  if (size > bytesMax)
    throw new ApiError(
      "too_large",
      `The transaction has ${size} bytes of keys and values, where at most ${bytesMax} are allowed`,
    );
  const result = await write(deps, call, { kind: "kv-txn", operations });
  deps.kvCounters.txn.increase();
  if (result.kind === "kv-txn") {
    return call.respond.json({
      modify_index: result.modifyIndex,
      results: result.results.map((one) => resultFields(one, result.modifyIndex)),
    });
  }
  if (result.kind !== "kv-txn-failed")
    throw new ApiError("internal", `The transaction gave the unexpected result ${result.kind}`);
  const errors = result.errors.map((error) =>
    error.kind === "not-found"
      ? { operation: error.operation, error: "not_found", message: `There is no key ${fromUtf8(error.key)}` }
      : {
          operation: error.operation,
          error: "cas_conflict",
          message: `The modify_index of ${fromUtf8(error.key)} is ${error.modifyIndex}`,
          modify_index: error.modifyIndex,
        },
  );
  throw new ApiError("conflict", "Nothing was changed: a condition of the transaction did not hold", {
    fields: { errors },
  });
}

function operation(deps: RouteDeps, one: unknown, at: number): KvOperation {
  const field = `operations[${at}]`;
  if (!isRecord(one)) throw badRequest(field, "must be an object");
  const { op, key: text } = one;
  if (!isOperation(op)) {
    throw badRequest(`${field}.op`, `must be set, delete, get or check-index: it is ${JSON.stringify(op)}`);
  }
  const unknown = unknownField(one, OPERATION_BODIES[op]);
  // Above all a condition that would be ignored: a key's own PUT takes cas, an operation does not.
  if (unknown !== undefined) {
    throw badRequest(`${field}.${unknown}`, `is no field of ${op}; it takes ${namesOf(OPERATION_BODIES[op])}`);
  }
  if (typeof text !== "string") throw badRequest(`${field}.key`, "must be text");
  const key = checkKey(utf8(text));
  if (op === "delete" || op === "get") return { op, key };
  if (op === "set") {
    checkWrittenKey(key, deps.limits.keyBytesMax);
    return { op, key, value: checkSize(valueOf(one), deps.limits.valueBytesMax), flags: parseFlags(one["flags"]) };
  }
  const { index } = one;
  if (typeof index === "number" && Number.isSafeInteger(index) && index >= 0) return { op, key, index };
  throw badRequest(`${field}.index`, "must be a whole number from 0");
}

function isOperation(op: unknown): op is keyof typeof OPERATION_BODIES {
  return typeof op === "string" && Object.hasOwn(OPERATION_BODIES, op);
}

function resultFields(result: KvOperationResult, index: number): Readonly<Record<string, unknown>> {
  const key = fromUtf8(result.key);
  if (result.op === "set") return { op: "set", key, modify_index: index };
  if (result.op === "delete") return { op: "delete", key };
  if (result.op === "check-index") return { op: "check-index", key, modify_index: result.modifyIndex };
  return { op: "get", ...keyFields(key, result.row) };
}

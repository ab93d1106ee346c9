import { fromUtf8 } from "../base/index.ts";
import type { KvRow } from "../fsm/index.ts";
import { exactNumber } from "./exact-json.ts";
import { valueFields } from "./value-fields.ts";

/** A key as every answer and event shows it. */
export function keyFields(key: Uint8Array, row: KvRow): Readonly<Record<string, unknown>> {
  return {
    key: fromUtf8(key),
    ...valueFields(row.value),
    modify_index: row.modifyIndex,
    create_index: row.createIndex,
    flags: exactNumber(row.flags),
    ...lockFields(row.lock),
  };
}

/** `lock_index` is the fencing token; `session` is there only while somebody holds the lock. */
function lockFields(lock: KvRow["lock"]): Readonly<Record<string, unknown>> {
  if (lock === undefined) return {};
  return { lock_index: lock.index, ...(lock.session === "" ? {} : { session: lock.session }) };
}

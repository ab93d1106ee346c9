import { fromUtf8 } from "../base/index.ts";
import type { KvRow } from "../fsm/index.ts";
import { exactNumber } from "./exact-json.ts";
import { valueFields } from "./value-fields.ts";

/** A key as every answer and event shows it. One object that is filled: spreading several would cost more than the read. */
export function keyFields(key: Uint8Array, { value, modifyIndex, createIndex, flags, lock }: KvRow): KeyFields {
  const fields: Record<string, unknown> = { key: fromUtf8(key) };
  Object.assign(fields, valueFields(value));
  fields["modify_index"] = modifyIndex;
  fields["create_index"] = createIndex;
  fields["flags"] = exactNumber(flags);
  if (lock === undefined) return fields;
  return { ...fields, ...lockFields(lock) };
}

export type KeyFields = Readonly<Record<string, unknown>>;

/** `lock_index` is the fencing token; `session` is there only while somebody holds the lock. */
function lockFields({ index, session }: NonNullable<KvRow["lock"]>): KeyFields {
  return { lock_index: index, ...(session === "" ? {} : { session }) };
}

import { fromUtf8 } from "../base/index.ts";
import type { KvRow } from "../fsm/index.ts";
import { exactNumber } from "./exact-json.ts";

/**
 * A key as every answer and event shows it, its value as text where it is UTF-8, else in base64. Whole literals: filling an
 * object field by field, or spreading several, would cost more than the read.
 */
export function keyFields(key: string, row: KvRow): KeyFields {
  const { value: bytes, modifyIndex: modify_index, createIndex: create_index, lock } = row;
  const value = textOf(bytes);
  const flags = exactNumber(row.flags);
  const fields =
    value === undefined
      ? { key, value_base64: Buffer.from(bytes).toString("base64"), modify_index, create_index, flags }
      : { key, value, modify_index, create_index, flags };
  return lock === undefined ? fields : { ...fields, ...lockFields(lock) };
}

export type KeyFields = Readonly<Record<string, unknown>>;

function textOf(value: Uint8Array): string | undefined {
  try {
    return fromUtf8(value);
  } catch {
    return undefined;
  }
}

/** `lock_index` is the fencing token; `session` is there only while somebody holds the lock. */
function lockFields({ index, session }: NonNullable<KvRow["lock"]>): KeyFields {
  return { lock_index: index, ...(session === "" ? {} : { session }) };
}

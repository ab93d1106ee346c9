import { MalformedBytes, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";

/** The value of a key. Frozen; `value` is never written to (it may be shared with snapshots and watchers). */
export interface KvRow {
  readonly value: Uint8Array;
  /** 0 to 2^64-1, the user's own. */
  readonly flags: bigint;
  /** Index of the entry that made the key; a key that was deleted and set again is a new one. */
  readonly createIndex: LogIndex;
  /** Index of the last entry that set the key: what `cas` compares. */
  readonly modifyIndex: LogIndex;
}

export function kvRow(row: KvRow): KvRow {
  return Object.freeze({
    value: row.value,
    flags: row.flags,
    createIndex: row.createIndex,
    modifyIndex: row.modifyIndex,
  });
}

/** Which optional fields follow. None exist yet: the byte is the place for them (a lock, say). */
const NO_OPTIONAL_FIELDS = 0;

export const kvRowFormat: RowFormat<KvRow> = {
  section: 1,
  name: "kv",
  write: (writer: ByteWriter, row: KvRow) => {
    writer.u8(NO_OPTIONAL_FIELDS).u64(row.flags).u53(row.createIndex).u53(row.modifyIndex).bytes(row.value);
  },
  read: (reader: ByteReader) => {
    const optional = reader.u8();
    if (optional !== NO_OPTIONAL_FIELDS) {
      throw new MalformedBytes(`Cannot read a key's row with optional fields ${optional} as this program knows none`);
    }
    const flags = reader.u64();
    const createIndex = reader.u53();
    const modifyIndex = reader.u53();
    return kvRow({ flags, createIndex, modifyIndex, value: reader.bytes() });
  },
  hash: (hasher, row) => {
    hasher.u64(row.flags).number(row.createIndex).number(row.modifyIndex).bytes(row.value);
  },
  sizeBytes: (row) => row.value.length,
};

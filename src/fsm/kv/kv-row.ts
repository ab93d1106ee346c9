import { MalformedBytes, utf8, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import type { RowHasher } from "../state/row-hash.ts";
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
  /** There once the key was acquired by a session, and until it is deleted. */
  readonly lock?: KvLock;
}

export interface KvLock {
  /** The holder; empty: it was given back. */
  readonly session: string;
  /** Index of the entry that acquired it last: the fencing token. */
  readonly index: LogIndex;
}

/** What a write has to know of the row that it replaces. */
export type KvHead = Pick<KvRow, "createIndex" | "modifyIndex" | "lock">;

/** The row without what costs a copy. */
export function readKvHead(row: ByteReader): KvHead {
  const optional = readOptional(row);
  row.skip(8);
  const [createIndex, modifyIndex] = [row.u53(), row.u53()];
  if (optional === OPTIONAL.none) return { createIndex, modifyIndex };
  row.skip(row.u32());
  return { createIndex, modifyIndex, lock: readLock(row) };
}

export function hasLock(row: ByteReader): boolean {
  return readOptional(row) === OPTIONAL.lock;
}

export function kvRow(row: KvRow): KvRow {
  const { value, flags, createIndex, modifyIndex, lock } = row;
  if (lock === undefined) return Object.freeze({ value, flags, createIndex, modifyIndex });
  const { session, index } = lock;
  return Object.freeze({ value, flags, createIndex, modifyIndex, lock: Object.freeze({ session, index }) });
}

/** Which optional fields follow. */
const OPTIONAL = { none: 0, lock: 1 } as const;

/** What a lock takes in memory. */
const LOCK_BYTES = 96;

export const kvRowFormat: RowFormat<KvRow> = {
  section: 1,
  name: "kv",
  write: (writer: ByteWriter, row: KvRow) => {
    writer.u8(row.lock === undefined ? OPTIONAL.none : OPTIONAL.lock);
    writer.u64(row.flags).u53(row.createIndex).u53(row.modifyIndex).bytes(row.value);
    if (row.lock !== undefined) writer.text(row.lock.session).u53(row.lock.index);
  },
  read: (reader: ByteReader) => {
    const optional = readOptional(reader);
    const flags = reader.u64();
    const createIndex = reader.u53();
    const modifyIndex = reader.u53();
    const value = reader.bytes();
    if (optional === OPTIONAL.none) return kvRow({ flags, createIndex, modifyIndex, value });
    return kvRow({ flags, createIndex, modifyIndex, value, lock: readLock(reader) });
  },
  hash: (hasher, row) => {
    hasher.u64(row.flags).number(row.createIndex).number(row.modifyIndex).bytes(row.value);
    if (row.lock !== undefined) hashLock(hasher, row.lock);
  },
  sizeBytes: (row) => row.value.length + (row.lock === undefined ? 0 : LOCK_BYTES),
  scan: (reader, hasher) => {
    const optional = readOptional(reader);
    // The halves of a u64 are the words that are hashed of it.
    hasher.word(reader.u32()).word(reader.u32()).number(reader.u53()).number(reader.u53());
    const size = reader.u32();
    const from = reader.skip(size);
    hasher.span(reader.source, from, from + size);
    if (optional === OPTIONAL.none) return size;
    hashLock(hasher, readLock(reader));
    return size + LOCK_BYTES;
  },
};

function readOptional(reader: ByteReader): number {
  const optional = reader.u8();
  if (optional <= OPTIONAL.lock) return optional;
  throw new MalformedBytes(`Cannot read a key's row with optional fields ${optional}: this program knows a lock only`);
}

function readLock(reader: ByteReader): KvLock {
  return { session: reader.text(), index: reader.u53() };
}

function hashLock(hasher: RowHasher, { session, index }: KvLock): void {
  hasher.bytes(utf8(session)).number(index);
}

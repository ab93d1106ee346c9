import { MalformedBytes } from "../base/index.ts";
import { chainAfter, ENTRY_KINDS, type Entry, type EntryId } from "../raft/index.ts";
import type { Database } from "bun:sqlite";

/** A row as SQLite gives it: after a flipped bit any column may hold anything. */
export interface EntryRow {
  readonly idx: unknown;
  readonly term: unknown;
  readonly kind: unknown;
  readonly time: unknown;
  readonly data: unknown;
  readonly chain: unknown;
  readonly crc: unknown;
}

export const ENTRY_COLUMNS = "idx, term, kind, time, data, chain, crc";

/** Checksum of one entry alone, its chain value included. */
export function entryCrc(entry: Entry): number {
  return chainAfter(entry.chain, entry);
}

/** @throws MalformedBytes when a column is not what was written */
export function decodeRow(row: EntryRow): Entry {
  const index = whole(row.idx, "index");
  const kind = ENTRY_KINDS[whole(row.kind, "kind")];
  if (kind === undefined) throw new MalformedBytes(`Entry ${index} is of an unknown kind`);
  if (!(row.data instanceof Uint8Array)) throw new MalformedBytes(`Entry ${index} has no data`);
  const entry = {
    index,
    term: whole(row.term, "term"),
    kind,
    time: whole(row.time, "time"),
    data: row.data,
    chain: whole(row.chain, "chain"),
  };
  if (whole(row.crc, "crc") !== entryCrc(entry)) throw new MalformedBytes(`The checksum of entry ${index} is wrong`);
  return entry;
}

/** bun:sqlite rounds integers above 2^53 without a word. */
function whole(value: unknown, column: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new MalformedBytes(`The column ${column} of an entry holds no whole number from 0 to 2^53-1`);
}

/** Walks the entries behind `from` up to `last`. Returns what is wrong, or undefined: every one is there and linked. */
export function verifyEntries(
  database: Database,
  from: EntryId,
  last: EntryId,
  onEntry: (entry: Entry) => void,
): string | undefined {
  const rows = database.prepare<EntryRow, [number]>(`SELECT ${ENTRY_COLUMNS} FROM entries WHERE idx > ? ORDER BY idx`);
  let { index, term, chain } = from;
  try {
    for (const row of rows.iterate(from.index)) {
      const entry = decodeRow(row);
      if (entry.index !== index + 1) return `entry ${index + 1} is missing`;
      if (entry.chain !== chainAfter(chain, entry)) return `entry ${entry.index} does not follow the one before it`;
      if (entry.term < term) return `the term of entry ${entry.index} is lower than the one before it`;
      ({ index, term, chain } = entry);
      onEntry(entry);
    }
  } catch (cause) {
    if (cause instanceof MalformedBytes) return cause.message;
    throw cause;
  } finally {
    rows.finalize();
  }
  if (index !== last.index) return `the log ends at ${index} instead of ${last.index}`;
  return chain === last.chain && term === last.term ? undefined : `entry ${index} is not the last one written`;
}

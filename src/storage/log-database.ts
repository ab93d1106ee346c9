import { Database, type Statement } from "bun:sqlite";
import { assert, MalformedBytes, type LogIndex } from "../base/index.ts";
import type { Identity } from "../node/index.ts";
import { chainAfter, chainStart, ENTRY_KINDS, entrySize, type Entry, type EntryId } from "../raft/index.ts";
import { decodeRow, ENTRY_COLUMNS, entryCrc, type EntryRow } from "./entry-rows.ts";
import { decodeHead, encodeHead, LOG_FORMAT, type HeadRecord, type LogStart } from "./head-record.ts";
import type { LogOperation } from "./persist-codec.ts";

/** Marks the file as ours; shown by `file` and checked at open. */
const APPLICATION_ID = 0x4b6f6e73;
/**
 * A transaction writes whole pages: the one of the head record, and those that its entries touch. Half of SQLite's usual size
 * writes a third less for each entry, and costs no more for large ones.
 */
const PAGE_BYTES = 2048;
/** Pages that a transaction writes besides those that its entries fill: the head record's, and one above the entries. */
const PAGES_EACH = 2;

const SCHEMA = `
  CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL) STRICT;
  CREATE TABLE entries (
    idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL, time INTEGER NOT NULL,
    data BLOB NOT NULL, chain INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
`;

type Sql = number | Uint8Array;

export interface LogTransaction {
  readonly operations: readonly LogOperation[];
  readonly commitHint: LogIndex;
  readonly boot: string;
  /** Set once, by bootstrap. */
  readonly identity?: Identity;
}

/** Makes a complete, empty raft.db at `path` with `head` in it; nothing is left in a WAL. */
export function createLogDatabase(path: string, head: HeadRecord): void {
  const database = new Database(path, { create: true });
  try {
    database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    database.run("BEGIN");
    database.run(SCHEMA);
    database.run("INSERT INTO head (id, record) VALUES (1, ?)", [encodeHead(head)]);
    database.run(`PRAGMA user_version = ${LOG_FORMAT}`);
    database.run("COMMIT");
  } finally {
    database.close(true);
  }
}

/** @throws MalformedBytes, NewerFormat */
export function readHeadRecord(database: Database): HeadRecord {
  const statement = database.prepare<{ record: unknown }, []>("SELECT record FROM head WHERE id = 1");
  try {
    const record = statement.get()?.record;
    if (!(record instanceof Uint8Array)) throw new MalformedBytes("The head record is missing");
    return decodeHead(record);
  } finally {
    statement.finalize();
  }
}

/** The one writer of raft.db: a transaction is every operation of a turn, the head record, and one fsync. */
export class LogDatabase {
  readonly #database: Database;
  readonly #beginImmediate: Statement<unknown, []>;
  readonly #commit: Statement<unknown, []>;
  readonly #insert: Statement<unknown, Sql[]>;
  readonly #select: Statement<EntryRow, [number, number]>;
  readonly #deleteFrom: Statement<unknown, [number]>;
  readonly #deleteTo: Statement<unknown, [number]>;
  readonly #updateHead: Statement<unknown, [Uint8Array]>;
  readonly #lastMembership: Statement<{ idx: unknown }, [number, number]>;
  #head: HeadRecord;
  /** The record of `#head` as the last transaction wrote it. */
  #headBytes: Uint8Array;
  /** A database that was made by an older release has larger ones. */
  readonly #pageBytes: number;
  /** Estimated pages in the WAL since the last complete checkpoint. */
  #walPages = 0;

  constructor(path: string, head: HeadRecord, synchronous: "FULL" | "NORMAL" = "FULL") {
    const database = new Database(path, { readwrite: true, create: false });
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run(`PRAGMA synchronous = ${synchronous}`);
    // The default would run a checkpoint inside a commit; ours runs between batches.
    database.run("PRAGMA wal_autocheckpoint = 0");
    this.#database = database;
    this.#pageBytes = pageBytesOf(database);
    this.#head = head;
    this.#headBytes = encodeHead(head);
    this.#beginImmediate = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#insert = database.prepare(`INSERT INTO entries (${ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#select = database.prepare(`SELECT ${ENTRY_COLUMNS} FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx`);
    this.#deleteFrom = database.prepare("DELETE FROM entries WHERE idx >= ?");
    this.#deleteTo = database.prepare("DELETE FROM entries WHERE idx <= ?");
    this.#lastMembership = database.prepare("SELECT max(idx) AS idx FROM entries WHERE kind = ? AND idx <= ?");
    this.#updateHead = database.prepare("UPDATE head SET record = ? WHERE id = 1");
  }

  get head(): HeadRecord {
    return this.#head;
  }

  /** The head record, encoded: for the witness. */
  get headBytes(): Uint8Array {
    return this.#headBytes;
  }

  /** About as much as lies in the WAL since the last complete checkpoint. */
  get walBytes(): number {
    return this.#walPages * this.#pageBytes;
  }

  /**
   * Durable on return. After a throw nothing of it happened, if {@link rollback} succeeds.
   * @throws SQLiteError, InvariantViolation
   */
  transact(transaction: LogTransaction): HeadRecord {
    this.#beginImmediate.run();
    let head = transaction.identity === undefined ? this.#head : this.#begin(transaction.identity);
    for (const operation of transaction.operations) head = this.#apply(head, operation);
    const commitHint = Math.max(head.base.index, Math.min(transaction.commitHint, head.last.index));
    head = { ...head, seq: head.seq + 1, boot: transaction.boot, commitHint };
    const headBytes = encodeHead(head);
    const changed = this.#updateHead.run(headBytes).changes;
    assert(changed === 1, "The head record must exist");
    this.#commit.run();
    this.#head = head;
    this.#headBytes = headBytes;
    this.#walPages += PAGES_EACH;
    return head;
  }

  /**
   * Removes entries that a whole snapshot contains, whatever is left of them. Durable on return. It promises nothing, so that it
   * is not counted: else a folder that was put back by one transaction would look as if it had it.
   */
  purge(to: LogStart, boot: string): HeadRecord {
    assert(to.index > this.#head.base.index, "A purge must not go back");
    assert(to.index <= this.#head.last.index, "A purge must not go beyond the log");
    const { index, term, chain, time } = to;
    const last = index === this.#head.last.index ? { index, term, chain, time } : this.#head.last;
    const head = { ...this.#head, boot, base: to, last };
    this.#beginImmediate.run();
    const headBytes = encodeHead(head);
    this.#deleteTo.run(index);
    this.#updateHead.run(headBytes);
    this.#commit.run();
    this.#head = head;
    this.#headBytes = headBytes;
    return head;
  }

  /** Ends a failed transaction that SQLite did not end by itself. */
  rollback(): void {
    if (this.#database.inTransaction) this.#database.run("ROLLBACK");
  }

  /** Ends before an entry that is not what was written. @throws MalformedBytes when that is the first one */
  read(range: { readonly from: LogIndex; readonly to: LogIndex; readonly bytesMax: number }): readonly Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const row of this.#select.iterate(range.from, range.to)) {
      const entry = entries.length === 0 ? decodeRow(row) : tryDecode(row);
      if (entry === undefined) break;
      bytes += entrySize(entry);
      if (entries.length > 0 && bytes > range.bytesMax) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Moves what is in the WAL into the database file. False: not all of it. */
  checkpoint(): boolean {
    const statement = this.#database.prepare<{ busy: unknown }, []>("PRAGMA wal_checkpoint(PASSIVE)");
    try {
      const isDone = statement.get()?.busy === 0;
      if (isDone) this.#walPages = 0;
      return isDone;
    } finally {
      statement.finalize();
    }
  }

  /** Only for a database whose promises hold: closing moves the WAL into the database file. */
  close(): void {
    this.#database.close(true);
  }

  #begin(identity: Identity): HeadRecord {
    const isPristine = this.#head.identity === undefined && this.#head.last.index === 0;
    assert(isPristine, "Only a pristine store can be bootstrapped");
    const last = { index: 0, term: 0, chain: chainStart(identity.clusterId, identity.epoch), time: 0 };
    return { ...this.#head, base: { ...last, membershipIndex: 0 }, last, identity };
  }

  #apply(before: HeadRecord, operation: LogOperation): HeadRecord {
    let head = before;
    if (operation.reset !== undefined) head = this.#reset(head, operation.reset);
    if (operation.truncateFrom !== undefined) head = this.#truncate(head, operation.truncateFrom);
    if (operation.append.length > 0) head = this.#append(head, operation.append);
    if (operation.compactTo !== undefined) head = this.#compact(head, operation.compactTo);
    const { hard } = operation;
    if (hard === undefined) return head;
    assert(hard.term >= head.hard.term, "The term must never decrease");
    const isSameVote = hard.term > head.hard.term || head.hard.vote === undefined || hard.vote === head.hard.vote;
    assert(isSameVote, "A vote must not change within a term");
    return { ...head, hard };
  }

  #reset(head: HeadRecord, start: LogStart): HeadRecord {
    assert(start.index >= head.commitHint, "A snapshot must not take back what is committed");
    this.#deleteFrom.run(0);
    const { index, term, chain, time, membershipIndex } = start;
    return { ...head, base: start, last: { index, term, chain, time }, membershipIndex };
  }

  #truncate(head: HeadRecord, from: LogIndex): HeadRecord {
    assert(from > head.base.index, "What a snapshot contains must not be truncated");
    if (from > head.last.index) return head;
    this.#deleteFrom.run(from);
    const last = from - 1 === head.base.index ? head.base : this.#entryId(from - 1);
    const membershipIndex = head.membershipIndex < from ? head.membershipIndex : this.#membershipAt(head, from - 1);
    return { ...head, last, membershipIndex };
  }

  #append(head: HeadRecord, entries: readonly Entry[]): HeadRecord {
    let { last, membershipIndex } = head;
    let bytes = 0;
    for (const entry of entries) {
      const { index, term, kind, time, data, chain } = entry;
      assert(index === last.index + 1, "Entries must be appended without a gap");
      assert(term >= last.term, "Terms must not decrease along the log");
      assert(chain === chainAfter(last.chain, entry), "An entry must be chained to the one before it");
      this.#insert.run(index, term, ENTRY_KINDS.indexOf(kind), time, data, chain, entryCrc(entry));
      bytes += entrySize(entry);
      last = { index, term, chain, time };
      if (kind === "membership") membershipIndex = index;
    }
    this.#walPages += Math.ceil(bytes / this.#pageBytes);
    return { ...head, last, membershipIndex };
  }

  #compact(head: HeadRecord, to: EntryId & { readonly time: number }): HeadRecord {
    if (to.index <= head.base.index) return head;
    assert(to.index <= head.last.index, "The log must reach the point that it is compacted to");
    const at = this.#entryId(to.index);
    assert(at.chain === to.chain, "The log must be compacted to an entry of its own");
    const membershipIndex = this.#membershipAt(head, to.index);
    this.#deleteTo.run(to.index);
    this.#walPages += 8;
    return { ...head, base: { ...at, membershipIndex } };
  }

  /** The membership entry in force at an index inside the log; it may stand before the log's first entry. */
  #membershipAt(head: HeadRecord, index: LogIndex): LogIndex {
    const found = this.#lastMembership.get(ENTRY_KINDS.indexOf("membership"), index)?.idx;
    return typeof found === "number" ? found : head.base.membershipIndex;
  }

  #entryId(index: LogIndex): EntryId & { readonly time: number } {
    const row = this.#select.get(index, index + 1);
    assert(row !== null, "An entry inside the log must exist");
    const { term, chain, time } = decodeRow(row);
    return { index, term, chain, time };
  }
}

function pageBytesOf(database: Database): number {
  const statement = database.prepare<{ page_size: number }, []>("PRAGMA page_size");
  try {
    return statement.get()?.page_size ?? PAGE_BYTES;
  } finally {
    statement.finalize();
  }
}

function tryDecode(row: EntryRow): Entry | undefined {
  try {
    return decodeRow(row);
  } catch (cause) {
    if (cause instanceof MalformedBytes) return undefined;
    throw cause;
  }
}

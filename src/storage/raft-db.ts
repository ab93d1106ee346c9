import { Database, type Statement } from "bun:sqlite";
import { chainAfter, chainStart, ENTRY_KINDS, type Entry, type HardState, type Persist } from "../raft/index.ts";
import { assert, toLogIndex, toTerm, type LogIndex } from "../base/index.ts";
import { decodeHead, encodeHead, type HeadRecord } from "./head-record.ts";
import { decodeIdentity, encodeIdentity } from "./identity-record.ts";
import type { Identity } from "../node/index.ts";

/** Raised when the layout of raft.db changes; a newer one than ours is refused. */
export const RAFT_DB_FORMAT = 1;
/** WAL pages after which the writer itself checkpoints, between two batches. */
const CHECKPOINT_PAGES = 1000;

const EMPTY_HEAD: HeadRecord = {
  seq: 0,
  term: 0,
  vote: undefined,
  lastIndex: 0,
  lastTerm: 0,
  lastChain: 0,
  baseIndex: 0,
  baseTerm: 0,
  baseChain: 0,
  baseTime: 0,
  commitHint: 0,
};

/** The database was written by a later release. */
export class NewerFormat extends Error {
  override readonly name = "NewerFormat";
}

/** What is stored contradicts itself: lost or damaged. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

interface EntryRow {
  readonly idx: number;
  readonly term: number;
  readonly kind: number;
  readonly time: number;
  readonly chain: number;
  readonly data: Uint8Array;
}

/** Log, hard state and identity in one SQLite file. Synchronous: lives in the disk Worker. */
export class RaftDb {
  readonly #db: Database;
  readonly #insert: Statement<unknown, [number, number, number, number, number, Uint8Array]>;
  readonly #head: Statement<unknown, [Uint8Array]>;
  readonly #truncate: Statement<unknown, [number]>;
  readonly #compact: Statement<unknown, [number]>;
  readonly #select: Statement<EntryRow, [number, number]>;
  #current: HeadRecord;

  /** @throws Error of SQLite, NewerFormat, BrokenPromise */
  constructor(path: string, synchronous: "FULL" | "NORMAL" = "FULL") {
    this.#db = new Database(path, { create: true, readwrite: true, strict: true });
    this.#db.run("PRAGMA locking_mode=EXCLUSIVE");
    this.#db.run("PRAGMA journal_mode=WAL");
    this.#db.run(`PRAGMA synchronous=${synchronous}`);
    this.#db.run(`PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`);
    this.#db.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
    this.#db.run(
      "CREATE TABLE IF NOT EXISTS entries (idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL, time INTEGER NOT NULL, chain INTEGER NOT NULL, data BLOB NOT NULL)",
    );
    this.#checkFormat();
    this.#insert = this.#db.prepare(
      "INSERT INTO entries (idx, term, kind, time, chain, data) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#head = this.#db.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('head', ?)");
    this.#truncate = this.#db.prepare("DELETE FROM entries WHERE idx >= ?");
    this.#compact = this.#db.prepare("DELETE FROM entries WHERE idx <= ?");
    this.#select = this.#db.prepare(
      "SELECT idx, term, kind, time, chain, data FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx",
    );
    const stored = this.#meta("head");
    this.#current = stored === undefined ? EMPTY_HEAD : decodeHead(stored);
  }

  get head(): HeadRecord {
    return this.#current;
  }

  get identity(): Identity | undefined {
    const stored = this.#meta("identity");
    return stored === undefined ? undefined : decodeIdentity(stored);
  }

  get hard(): HardState {
    return { term: this.#current.term, vote: this.#current.vote };
  }

  /** All entries behind the base, each checked against the chain. @throws BrokenPromise naming the first bad index */
  entries(): readonly Entry[] {
    const { baseIndex, lastIndex, baseChain, lastChain } = this.#current;
    const entries: Entry[] = [];
    let chain = baseChain;
    for (const row of this.#select.iterate(baseIndex + 1, lastIndex + 1)) {
      const entry = toEntry(row);
      const wanted = baseIndex + 1 + entries.length;
      if (entry.index !== wanted) throw new BrokenPromise(`log entry ${wanted} is missing`);
      if (chainAfter(chain, entry) !== entry.chain) throw new BrokenPromise(`log entry ${wanted} is damaged`);
      chain = entry.chain;
      entries.push(entry);
    }
    if (baseIndex + entries.length !== lastIndex) {
      throw new BrokenPromise(`log entry ${baseIndex + entries.length + 1} is missing`);
    }
    if (chain !== lastChain)
      throw new BrokenPromise(`the log's last entry ${lastIndex} is not the one that was written`);
    return entries;
  }

  read(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const row of this.#select.iterate(from, to)) {
      entries.push(toEntry(row));
      bytes += row.data.length;
      if (bytes >= bytesMax) break;
    }
    return entries;
  }

  /** One transaction, one fsync. @throws Error of SQLite: nothing of it happened */
  persist(operations: readonly Persist[], commitHint: LogIndex): HeadRecord {
    return this.#transact((draft) => {
      for (const operation of operations) this.#apply(draft, operation);
      draft.commitHint = Math.max(draft.commitHint, Math.min(commitHint, draft.lastIndex));
    });
  }

  /** The identity and first log of this folder, in one transaction. */
  bootstrap(identity: Identity, hard: HardState, entries: readonly Entry[]): HeadRecord {
    assert(this.#current.seq === 0, "Only a pristine folder is bootstrapped");
    return this.#transact((draft) => {
      this.#db.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('identity', ?)", [encodeIdentity(identity)]);
      const chain = chainStart(identity.clusterId, identity.epoch);
      Object.assign(draft, { baseChain: chain, lastChain: chain });
      this.#apply(draft, { ticket: 0, hard, append: entries });
    });
  }

  close(): void {
    this.#db.close(true);
  }

  #transact(change: (draft: { -readonly [K in keyof HeadRecord]: HeadRecord[K] }) => void): HeadRecord {
    const draft = { ...this.#current, seq: this.#current.seq + 1 };
    this.#db.run("BEGIN IMMEDIATE");
    try {
      change(draft);
      this.#head.run(encodeHead(draft));
      this.#db.run("COMMIT");
    } catch (cause) {
      // SQLite may have rolled back by itself already.
      if (this.#db.inTransaction) this.#db.run("ROLLBACK");
      throw cause;
    }
    this.#current = draft;
    return draft;
  }

  #apply(draft: { -readonly [K in keyof HeadRecord]: HeadRecord[K] }, operation: Persist): void {
    const { reset, truncateFrom, append, compactTo, hard } = operation;
    if (reset !== undefined) {
      this.#truncate.run(0);
      const { index, term, chain, time } = reset;
      Object.assign(draft, { baseIndex: index, baseTerm: term, baseChain: chain, baseTime: time });
      Object.assign(draft, { lastIndex: index, lastTerm: term, lastChain: chain });
    }
    if (truncateFrom !== undefined && truncateFrom <= draft.lastIndex) this.#truncateTo(draft, truncateFrom);
    for (const entry of append ?? []) this.#append(draft, entry);
    if (compactTo !== undefined && compactTo.index > draft.baseIndex) {
      assert(compactTo.index <= draft.lastIndex, "The log is compacted up to an entry that it holds");
      this.#compact.run(compactTo.index);
      const { index, term, chain, time } = compactTo;
      Object.assign(draft, { baseIndex: index, baseTerm: term, baseChain: chain, baseTime: time });
    }
    if (hard !== undefined) Object.assign(draft, { term: hard.term, vote: hard.vote });
  }

  #truncateTo(draft: { -readonly [K in keyof HeadRecord]: HeadRecord[K] }, from: LogIndex): void {
    assert(from > draft.baseIndex, "What is compacted is never truncated");
    this.#truncate.run(from);
    const [last] = this.read(from - 1, from, 1);
    draft.lastIndex = from - 1;
    draft.lastTerm = last?.term ?? draft.baseTerm;
    draft.lastChain = last?.chain ?? draft.baseChain;
  }

  #append(draft: { -readonly [K in keyof HeadRecord]: HeadRecord[K] }, entry: Entry): void {
    const { index, term, kind, time, chain, data } = entry;
    assert(index === draft.lastIndex + 1, `Entry ${index} follows ${draft.lastIndex} in the log`);
    assert(
      Number.isSafeInteger(index) && Number.isSafeInteger(term) && Number.isSafeInteger(time),
      "Integers are exact",
    );
    this.#insert.run(index, term, ENTRY_KINDS.indexOf(kind), time, chain, data);
    draft.lastIndex = index;
    draft.lastTerm = term;
    draft.lastChain = chain;
  }

  #checkFormat(): void {
    const stored = this.#meta("format");
    if (stored === undefined) {
      this.#db.run("INSERT INTO meta (name, value) VALUES ('format', ?)", [new Uint8Array([RAFT_DB_FORMAT])]);
      return;
    }
    const format = stored[0] ?? 0;
    if (format > RAFT_DB_FORMAT) {
      this.#db.close();
      throw new NewerFormat(`its format is ${format}, this release reads up to ${RAFT_DB_FORMAT}`);
    }
  }

  #meta(name: string): Uint8Array | undefined {
    const row = this.#db.query<{ value: Uint8Array }, [string]>("SELECT value FROM meta WHERE name = ?").get(name);
    return row?.value;
  }
}

function toEntry(row: EntryRow): Entry {
  const kind = ENTRY_KINDS[row.kind];
  if (kind === undefined) throw new BrokenPromise(`log entry ${row.idx} has the unknown kind ${row.kind}`);
  const { idx, term, time, chain, data } = row;
  return { index: toLogIndex(idx), term: toTerm(term), kind, time, chain, data };
}

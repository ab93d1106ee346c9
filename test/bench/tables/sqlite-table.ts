import { Database } from "bun:sqlite";
import {
  ByteReader,
  compareBytes,
  copyBytes,
  type FrozenTable,
  type KeyRange,
  type Table,
  type TableEntry,
} from "../../../src/base/index.ts";

type Pair = readonly [key: Uint8Array, row: Uint8Array];

interface Stored {
  readonly key: Uint8Array;
  readonly row: Uint8Array;
}

const CHUNK_ROWS = 256;
const EMPTY = new Uint8Array(0);

/**
 * A candidate for comparison: rows in SQLite `:memory:`. It has no snapshot isolation on one connection, so a frozen
 * view keeps the old row of everything that changes ahead of its cursor.
 */
export function createSqliteTable(): Table {
  const db = new Database(":memory:");
  db.run("PRAGMA journal_mode = OFF");
  db.run("CREATE TABLE t (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID, STRICT");
  const sql = {
    get: db.query<Stored, [Uint8Array]>("SELECT * FROM t WHERE key = ?"),
    set: db.query<null, [Uint8Array, Uint8Array]>("INSERT OR REPLACE INTO t VALUES (?, ?)"),
    delete: db.query<null, [Uint8Array]>("DELETE FROM t WHERE key = ?"),
    up: db.query<Stored, [Uint8Array, number]>("SELECT * FROM t WHERE key >= ? ORDER BY key LIMIT ?"),
  };
  const views = new Set<View>();
  let size = 0;
  let lastKey: Uint8Array | undefined;
  const get = (key: Uint8Array): Uint8Array | undefined => sql.get.get(key)?.row;
  const chunk = (from: Uint8Array): readonly Pair[] =>
    sql.up.all(from, CHUNK_ROWS).map(({ key, row }): Pair => [key, row]);
  return {
    get size(): number {
      return size;
    },
    get: (key) => {
      const row = get(key);
      return row === undefined ? undefined : new ByteReader(row);
    },
    set: (key, row) => {
      const old = get(key);
      for (const view of views) view.beforeChange(key, old);
      sql.set.run(key, row);
      if (old === undefined) size++;
    },
    append: ({ bytes, keyFrom, rowFrom, to }) => {
      const key = copyBytes(bytes, keyFrom, rowFrom);
      if (lastKey !== undefined && compareBytes(lastKey, key) >= 0) return false;
      lastKey = key;
      sql.set.run(key, copyBytes(bytes, rowFrom, to));
      size++;
      return true;
    },
    delete: (key) => {
      const old = get(key);
      if (old === undefined) return false;
      for (const view of views) view.beforeChange(key, old);
      sql.delete.run(key);
      size--;
      return true;
    },
    range: (range) => entries(walk(range, chunk)),
    freeze: () => {
      const view = new View(size, chunk, () => views.delete(view));
      views.add(view);
      return view;
    },
    clear: () => {
      db.run("DELETE FROM t");
      size = 0;
      lastKey = undefined;
    },
  };
}

function* entries(pairs: Iterable<Pair>): IterableIterator<TableEntry> {
  for (const [key, row] of pairs) yield { key: new ByteReader(key), row: new ByteReader(row) };
}

function* walk(range: KeyRange, chunk: (from: Uint8Array) => readonly Pair[]): IterableIterator<Pair> {
  if (range.reverse === true) throw new RangeError("This candidate cannot go backwards");
  let from = range.from ?? EMPTY;
  for (;;) {
    const rows = chunk(from);
    for (const row of rows) {
      if (range.to !== undefined && compareBytes(row[0], range.to) >= 0) return;
      yield row;
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < CHUNK_ROWS) return;
    from = after(last[0]);
  }
}

class View implements FrozenTable {
  readonly size: number;
  readonly #chunk: (from: Uint8Array) => readonly Pair[];
  readonly #release: () => void;
  /** Rows as they were when the view was made, for keys that changed before the cursor reached them. */
  readonly #old = new Map<string, { readonly key: Uint8Array; readonly row: Uint8Array | undefined }>();
  #from: Uint8Array = EMPTY;

  constructor(size: number, chunk: (from: Uint8Array) => readonly Pair[], release: () => void) {
    this.size = size;
    this.#chunk = chunk;
    this.#release = release;
  }

  beforeChange(key: Uint8Array, row: Uint8Array | undefined): void {
    if (compareBytes(key, this.#from) < 0) return;
    const name = Buffer.from(key).toString("latin1");
    if (!this.#old.has(name)) this.#old.set(name, { key, row });
  }

  rows(): IterableIterator<TableEntry> {
    return entries(this.#pairs());
  }

  *#pairs(): IterableIterator<Pair> {
    for (;;) {
      const live = this.#chunk(this.#from);
      const last = live.length < CHUNK_ROWS ? undefined : live.at(-1);
      const to = last === undefined ? undefined : after(last[0]);
      const merged = this.#merge(live, to);
      if (to !== undefined) this.#from = to;
      yield* merged;
      if (to === undefined) return;
    }
  }

  release(): void {
    this.#old.clear();
    this.#release();
  }

  #merge(live: readonly Pair[], to: Uint8Array | undefined): readonly Pair[] {
    const changed = new Set<string>();
    const merged: Pair[] = [];
    for (const [name, old] of this.#old) {
      if (to !== undefined && compareBytes(old.key, to) >= 0) continue;
      changed.add(name);
      if (old.row !== undefined) merged.push([old.key, old.row]);
      this.#old.delete(name);
    }
    for (const pair of live) {
      if (changed.size === 0 || !changed.has(Buffer.from(pair[0]).toString("latin1"))) merged.push(pair);
    }
    return changed.size === 0 ? merged : merged.toSorted((a, b) => compareBytes(a[0], b[0]));
  }
}

function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

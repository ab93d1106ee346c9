import {
  assert,
  compareBytes,
  InvariantViolation,
  type ByteReader,
  type ByteWriter,
  type FrozenTable,
  type KeyRange,
  type Table,
} from "../../base/index.ts";
import { HashSum, RowHasher } from "./row-hash.ts";

/** Everything the shared machinery (hash, snapshot, size) has to know about the rows of one table. */
export interface RowFormat<Row> {
  /** Number of the table in snapshots and hashes. Never reused. */
  readonly section: number;
  readonly name: string;
  /** Encoding in a snapshot. */
  write(writer: ByteWriter, row: Row): void;
  /** Gives a frozen row. @throws MalformedBytes */
  read(reader: ByteReader): Row;
  /** The logical fields in canonical order; independent of `write`. */
  hash(hasher: RowHasher, row: Row): void;
  /** About what the row takes in memory, without its key. */
  sizeBytes(row: Row): number;
}

/** Makes tables. The format is for those that keep rows as bytes. */
export type TableFactory = <Row>(format: RowFormat<Row>) => Table<Row>;

/** One table as snapshots see it, whatever its rows are. */
export interface Section {
  readonly number: number;
  readonly name: string;
  readonly size: number;
  readonly sizeBytes: number;
  readonly hashSum: HashSum;
  freeze(): FrozenSection;
  /** Adds one row of a snapshot. @throws MalformedBytes when it cannot be decoded or is out of order */
  restoreRow(reader: ByteReader): void;
  clear(): void;
}

export interface FrozenSection {
  readonly number: number;
  readonly size: number;
  /** The sum over the rows written so far. */
  readonly hashSum: HashSum;
  /** Writes key and fields of the next row; there must be one. */
  writeNext(writer: ByteWriter): void;
  release(): void;
}

/** Keys of a snapshot that do not ascend. */
export class RowsOutOfOrder extends Error {
  override readonly name = "RowsOutOfOrder";
}

/** What a row costs in memory besides the bytes of key and value: objects, tree nodes, allocator. Measured, rounded up. */
export const ROW_OVERHEAD_BYTES = 256;

/**
 * A table that keeps its running hash and size, and reports what changed. All replicated rows live in one of these, so
 * no domain can forget to be part of hash, snapshot, size or change feed.
 */
export class StateTable<Row> implements Section {
  readonly hashSum = new HashSum();
  readonly #rows: Table<Row>;
  readonly #format: RowFormat<Row>;
  readonly #changed: (key: Uint8Array, row: Row | undefined) => void;
  readonly #hasher = new RowHasher();
  #sizeBytes = 0;
  #lastRestored: Uint8Array | undefined;

  /** `changed` is called after each change; an undefined row means that it was deleted. */
  constructor(rows: Table<Row>, format: RowFormat<Row>, changed: (key: Uint8Array, row: Row | undefined) => void) {
    this.#rows = rows;
    this.#format = format;
    this.#changed = changed;
  }

  get number(): number {
    return this.#format.section;
  }

  get name(): string {
    return this.#format.name;
  }

  get size(): number {
    return this.#rows.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(key: Uint8Array): Row | undefined {
    return this.#rows.get(key);
  }

  /** Must not be advanced across a change. */
  range(range: KeyRange): IterableIterator<readonly [Uint8Array, Row]> {
    return this.#rows.range(range);
  }

  /** `old`: the row that is there now, from a caller who has just read it. */
  set(key: Uint8Array, row: Row, old: Row | undefined = this.#rows.get(key)): void {
    if (old !== undefined) this.#subtract(key, old);
    this.#insert(key, row);
    this.#changed(key, row);
  }

  delete(key: Uint8Array): boolean {
    const old = this.#rows.get(key);
    if (old === undefined) return false;
    this.#subtract(key, old);
    const wasThere = this.#rows.delete(key);
    assert(wasThere, () => `A row of ${this.name} that was read must be there to delete`);
    this.#changed(key, undefined);
    return true;
  }

  /** Adds a row without a word to anybody: for a state that is replaced as a whole. */
  fill(key: Uint8Array, row: Row): void {
    assert(this.#rows.get(key) === undefined, () => `A row of ${this.name} must not be filled in twice`);
    this.#insert(key, row);
  }

  freeze(): FrozenSection {
    return new FrozenRows(this.#rows.freeze(), this.#format);
  }

  restoreRow(reader: ByteReader): void {
    const key = reader.bytes();
    const row = this.#format.read(reader);
    const last = this.#lastRestored;
    if (last !== undefined && compareBytes(last, key) >= 0) {
      throw new RowsOutOfOrder(`Cannot restore row ${this.size + 1} of ${this.name} as its key is not above the last`);
    }
    this.#insert(key, row);
    this.#lastRestored = key;
  }

  clear(): void {
    this.#rows.clear();
    this.hashSum.clear();
    this.#sizeBytes = 0;
    this.#lastRestored = undefined;
  }

  #insert(key: Uint8Array, row: Row): void {
    assert(Object.isFrozen(row), () => `Rows of ${this.name} must be frozen: a snapshot may share them`);
    this.#rows.set(key, row);
    this.hashSum.add(hashRow(this.#hasher, this.#format, [key, row]));
    this.#sizeBytes += rowBytes(this.#format, key, row);
  }

  #subtract(key: Uint8Array, row: Row): void {
    this.hashSum.remove(hashRow(this.#hasher, this.#format, [key, row]));
    this.#sizeBytes -= rowBytes(this.#format, key, row);
    assert(this.#sizeBytes >= 0, () => `The size of ${this.name} must not be negative`);
  }
}

class FrozenRows<Row> implements FrozenSection {
  readonly number: number;
  readonly size: number;
  readonly hashSum = new HashSum();
  readonly #frozen: FrozenTable<Row>;
  /** Let go on release, as it holds on to the nodes of the table. */
  #rows: IterableIterator<readonly [Uint8Array, Row]> | undefined;
  readonly #format: RowFormat<Row>;
  readonly #hasher = new RowHasher();

  constructor(frozen: FrozenTable<Row>, format: RowFormat<Row>) {
    this.number = format.section;
    this.size = frozen.size;
    this.#frozen = frozen;
    this.#rows = frozen.rows();
    this.#format = format;
  }

  writeNext(writer: ByteWriter): void {
    const step = this.#rows?.next();
    if (step === undefined || step.done === true)
      throw new InvariantViolation(`A frozen table must have all its ${this.size} rows`);
    const [key, row] = step.value;
    writer.bytes(key);
    this.#format.write(writer, row);
    this.hashSum.add(hashRow(this.#hasher, this.#format, step.value));
  }

  release(): void {
    this.#rows = undefined;
    this.#frozen.release();
  }
}

function hashRow<Row>(hasher: RowHasher, format: RowFormat<Row>, pair: readonly [Uint8Array, Row]): RowHasher {
  hasher.start(format.section).bytes(pair[0]);
  format.hash(hasher, pair[1]);
  return hasher.finish();
}

function rowBytes<Row>(format: RowFormat<Row>, key: Uint8Array, row: Row): number {
  return key.length + format.sizeBytes(row) + ROW_OVERHEAD_BYTES;
}

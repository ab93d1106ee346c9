import {
  assert,
  ByteWriter,
  InvariantViolation,
  type ByteReader,
  type FrozenTable,
  type KeyRange,
  type Table,
  type TableEntry,
} from "../../base/index.ts";
import { HashSum, RowHasher } from "./row-hash.ts";

/** Everything the shared machinery (hash, snapshot, size) has to know about the rows of one table. */
export interface RowFormat<Row> {
  /** Number of the table in snapshots and hashes. Never reused. */
  readonly section: number;
  readonly name: string;
  /** Encoding in a snapshot, and in the table. */
  write(writer: ByteWriter, row: Row): void;
  /** Gives a frozen row, equal to the one that was written, with copies of its bytes. @throws MalformedBytes */
  read(reader: ByteReader): Row;
  /** The logical fields in canonical order; independent of `write`. */
  hash(hasher: RowHasher, row: Row): void;
  /** About what the row takes in memory, without its key. */
  sizeBytes(row: Row): number;
  /**
   * For a table of many rows that have one encoding each: reads, hashes and measures a row as the three above do
   * together, but without making it. @throws MalformedBytes where `read` does
   */
  scan?(reader: ByteReader, hasher: RowHasher): number;
}

export type TableFactory = () => Table;

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

/** The scratch array for encoding rows is not kept when a row made it larger than this. */
const SCRATCH_BYTES_MAX = 64 * 1024;

/** What a row costs in memory besides the bytes of key and value: its other fields, room that is free in pages. Measured, rounded up. */
export const ROW_OVERHEAD_BYTES = 128;

/**
 * A table that keeps its running hash and size, and reports what changed. All replicated rows live in one of these, so
 * no domain can forget to be part of hash, snapshot, size or change feed.
 */
export class StateTable<Row> implements Section {
  readonly hashSum = new HashSum();
  readonly #rows: Table;
  readonly #format: RowFormat<Row>;
  readonly #changed: (key: Uint8Array, row: Row | undefined) => void;
  readonly #hasher = new RowHasher();
  #sizeBytes = 0;
  #scratch = new ByteWriter();

  /** `changed` is called after each change; an undefined row means that it was deleted. */
  constructor(rows: Table, format: RowFormat<Row>, changed: (key: Uint8Array, row: Row | undefined) => void) {
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
    const reader = this.#rows.get(key);
    return reader === undefined ? undefined : this.#format.read(reader);
  }

  has(key: Uint8Array): boolean {
    return this.#rows.get(key) !== undefined;
  }

  /** Reads of a row only what is asked for. The part must not be a view of the bytes: they change in place. */
  getPart<Part>(key: Uint8Array, read: (row: ByteReader) => Part): Part | undefined {
    const reader = this.#rows.get(key);
    return reader === undefined ? undefined : read(reader);
  }

  /** Must not be advanced across a change. Where `isWanted` says no to the bytes of a row, it is passed over. */
  *range(range: KeyRange, isWanted?: (row: ByteReader) => boolean): IterableIterator<readonly [Uint8Array, Row]> {
    for (const { key, row } of this.#rows.range(range)) {
      if (isWanted?.(row.fork()) !== false) yield [key.rest(), this.#format.read(row)];
    }
  }

  /** Must not be advanced across a change. */
  *keys(range: KeyRange): IterableIterator<Uint8Array> {
    for (const { key } of this.#rows.range(range)) yield key.rest();
  }

  set(key: Uint8Array, row: Row): void {
    const old = this.#rows.get(key);
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
    this.#checkInvariants();
    this.#changed(key, undefined);
    return true;
  }

  /** Adds a row without a word to anybody: for a state that is replaced as a whole. */
  fill(key: Uint8Array, row: Row): void {
    assert(!this.has(key), () => `A row of ${this.name} must not be filled in twice`);
    this.#insert(key, row);
  }

  freeze(): FrozenSection {
    return new FrozenRows(this.#rows.freeze(), this.#format);
  }

  restoreRow(reader: ByteReader): void {
    const keySize = reader.u32();
    const keyFrom = reader.skip(keySize);
    const rowFrom = reader.at;
    const hasher = this.#hasher.start(this.number).span(reader.source, keyFrom, rowFrom);
    const rowBytes = scan(this.#format, reader, hasher);
    if (!this.#rows.append({ bytes: reader.source, keyFrom, rowFrom, to: reader.at })) {
      throw new RowsOutOfOrder(`Cannot restore row ${this.size + 1} of ${this.name} as its key is not above the last`);
    }
    this.hashSum.add(hasher.finish());
    this.#sizeBytes += keySize + rowBytes + ROW_OVERHEAD_BYTES;
    this.#checkInvariants();
  }

  clear(): void {
    this.#rows.clear();
    this.hashSum.clear();
    this.#sizeBytes = 0;
    this.#checkInvariants();
  }

  #insert(key: Uint8Array, row: Row): void {
    assert(Object.isFrozen(row), () => `Rows of ${this.name} must be frozen: watchers share them`);
    this.#rows.set(key, this.#encode(row));
    const hasher = this.#hasher.start(this.number).bytes(key);
    this.#format.hash(hasher, row);
    this.hashSum.add(hasher.finish());
    this.#sizeBytes += key.length + this.#format.sizeBytes(row) + ROW_OVERHEAD_BYTES;
    this.#checkInvariants();
  }

  /** Valid until the next call. */
  #encode(row: Row): Uint8Array {
    const writer = this.#scratch.restart();
    this.#format.write(writer, row);
    if (writer.length > SCRATCH_BYTES_MAX) this.#scratch = new ByteWriter();
    return writer.view();
  }

  #subtract(key: Uint8Array, row: ByteReader): void {
    const hasher = this.#hasher.start(this.number).bytes(key);
    const rowBytes = scan(this.#format, row, hasher);
    this.hashSum.remove(hasher.finish());
    this.#sizeBytes -= key.length + rowBytes + ROW_OVERHEAD_BYTES;
    assert(this.#sizeBytes >= 0, () => `The size of ${this.name} must not be negative`);
  }

  /** At the end of each change: an entry need not look at the tables that it did not touch. */
  #checkInvariants(): void {
    const { size } = this.#rows;
    assert(
      (size === 0) === (this.#sizeBytes === 0),
      () => `${size} rows of ${this.name} must not have ${this.#sizeBytes} bytes`,
    );
    assert(size > 0 || this.hashSum.isZero, () => `The hash of ${this.name} must be zero without rows`);
  }
}

class FrozenRows<Row> implements FrozenSection {
  readonly number: number;
  readonly size: number;
  readonly hashSum = new HashSum();
  readonly #frozen: FrozenTable;
  /** Let go on release, as it holds on to the pages of the table. */
  #rows: IterableIterator<TableEntry> | undefined;
  readonly #format: RowFormat<Row>;
  readonly #hasher = new RowHasher();

  constructor(frozen: FrozenTable, format: RowFormat<Row>) {
    this.number = format.section;
    this.size = frozen.size;
    this.#frozen = frozen;
    this.#rows = frozen.rows();
    this.#format = format;
  }

  /** Hashes the very bytes it writes, so that damage in memory shows. */
  writeNext(writer: ByteWriter): void {
    const step = this.#rows?.next();
    if (step === undefined || step.done === true)
      throw new InvariantViolation(`A frozen table must have all its ${this.size} rows`);
    const { key, row } = step.value;
    writer.u32(key.remaining).rest(key).rest(row);
    const hasher = this.#hasher.start(this.number).span(key.source, key.at, key.at + key.remaining);
    scan(this.#format, row, hasher);
    this.hashSum.add(hasher.finish());
  }

  release(): void {
    this.#rows = undefined;
    this.#frozen.release();
  }
}

/** Checks and hashes an encoded row; answers what it takes in memory, without its key. @throws MalformedBytes */
function scan<Row>(format: RowFormat<Row>, reader: ByteReader, hasher: RowHasher): number {
  if (format.scan !== undefined) return format.scan(reader, hasher);
  const row = format.read(reader);
  format.hash(hasher, row);
  return format.sizeBytes(row);
}

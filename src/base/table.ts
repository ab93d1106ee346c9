import type { ByteReader } from "./bytes.ts";

/** A half-open range of keys `[from, to)`, ordered by bytes; a missing bound is open. */
export interface KeyRange {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
}

/** A row where it lies: valid until the table changes, in a frozen view until that is released. */
export interface TableEntry {
  readonly key: ByteReader;
  readonly row: ByteReader;
}

/** A key and its row one behind the other, in an array that belongs to somebody else. */
export interface TableCell {
  readonly bytes: Uint8Array;
  readonly keyFrom: number;
  readonly rowFrom: number;
  readonly to: number;
}

/** A view of a table at one moment that later changes do not touch. */
export interface FrozenTable {
  /** In key order. May be advanced in slices, with changes of the live table in between. */
  rows(): IterableIterator<TableEntry>;
  readonly size: number;
  release(): void;
}

/** Encoded rows by key, ordered by bytes. */
export interface Table {
  readonly size: number;
  /** The row where it lies: valid until the table changes. */
  get(key: Uint8Array): ByteReader | undefined;
  /** Keeps copies of both. */
  set(key: Uint8Array, row: Uint8Array): void;
  /** Adds a copy of a row whose key is above all others; answers false, with nothing done, when it is not. */
  append(cell: TableCell): boolean;
  delete(key: Uint8Array): boolean;
  /** Must not be advanced across a change of the table. */
  range(range: KeyRange): IterableIterator<TableEntry>;
  freeze(): FrozenTable;
  clear(): void;
}

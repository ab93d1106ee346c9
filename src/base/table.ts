/** A half-open range of keys `[from, to)`, ordered by bytes; a missing bound is open. */
export interface KeyRange {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
}

/** A view of a table at one moment that later changes do not touch. */
export interface FrozenTable<Row> {
  /** In key order. May be advanced in slices, with changes of the live table in between. */
  rows(): IterableIterator<readonly [Uint8Array, Row]>;
  readonly size: number;
  release(): void;
}

/** Rows by key, ordered by bytes. Rows are frozen: they are replaced, never changed in place. */
export interface Table<Row> {
  readonly size: number;
  get(key: Uint8Array): Row | undefined;
  set(key: Uint8Array, row: Row): void;
  delete(key: Uint8Array): boolean;
  range(range: KeyRange): IterableIterator<readonly [Uint8Array, Row]>;
  freeze(): FrozenTable<Row>;
  clear(): void;
}

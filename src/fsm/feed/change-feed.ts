import { assert, type LogIndex } from "../../base/index.ts";
import type { Change, ChangePlace, RowChange, TableName } from "./change.ts";

export interface ChangeFeedLimits {
  /** Changes that are kept. */
  readonly changesMax: number;
  /** About how many bytes of keys and values they may hold on to. */
  readonly bytesMax: number;
}

/** Where to go on. Without `sub`: behind all changes of the entry. */
export interface FeedPosition {
  readonly index: LogIndex;
  readonly sub?: number;
}

export type ChangesSince =
  /** In order and without a gap; `isComplete`: there are no more by now. */
  | { readonly kind: "changes"; readonly changes: readonly RowChange[]; readonly isComplete: boolean }
  /** Changes after that place were dropped: read the state anew, then continue from its index. */
  | { readonly kind: "compacted"; readonly oldest: LogIndex };

export type ChangeListener = (change: Change) => void;

/** What readers see of the feed. */
export interface Changes {
  /** Changes after a place, at most `limit`. */
  changesSince(position: FeedPosition, limit: number): ChangesSince;
  /**
   * Calls the listener for each change, synchronously, once the whole entry is applied. It must not throw and must not
   * change the state. The answer ends it.
   */
  onChange(listener: ChangeListener): () => void;
  readonly size: number;
  readonly sizeBytes: number;
}

/**
 * The last changes, bounded by count and bytes, and those who listen to them. What trimming has to know of a change lies in
 * arrays of numbers beside it: the change itself, made long ago, would have to be fetched from memory to be dropped.
 */
export class ChangeFeed implements Changes {
  readonly #limits: ChangeFeedLimits;
  readonly #listeners = new Set<ChangeListener>();
  /** Slots before `#head` are empty. */
  #ring: (RowChange | undefined)[] = [];
  /** Of each change in `#ring`: its index, `sub` and size. */
  #indexes: LogIndex[] = [];
  #subs: number[] = [];
  #sizes: number[] = [];
  /** Place of the oldest kept change in `#ring`; those before it are dropped. */
  #head = 0;
  #sizeBytes = 0;
  /** The last dropped change: what lies at or before it is unknown. */
  #floor: ChangePlace = { index: 0, sub: 0 };
  #index: LogIndex = 0;
  #sub = 0;

  constructor(limits: ChangeFeedLimits) {
    assert(limits.changesMax >= 1, "A change feed must keep at least one change");
    this.#limits = limits;
  }

  get size(): number {
    return this.#ring.length - this.#head;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Starts the entry that the next changes belong to. */
  begin(index: LogIndex): void {
    assert(index > this.#index, "Entries of a change feed must ascend");
    this.#index = index;
    this.#sub = 0;
  }

  nextPlace(): ChangePlace {
    return { index: this.#index, sub: this.#sub++ };
  }

  record(change: RowChange): void {
    const size = changeBytes(change);
    this.#ring.push(Object.freeze(change));
    this.#indexes.push(change.index);
    this.#subs.push(change.sub);
    this.#sizes.push(size);
    this.#sizeBytes += size;
  }

  /** Ends an entry that replaced the whole state: its changes are void, and so is everything before it. */
  commitReset(): void {
    this.reset(this.#index);
  }

  /** Ends the entry: listeners hear of its changes, old ones are dropped. */
  commit(): void {
    if (this.#sub === 0) return;
    if (this.#listeners.size > 0) {
      const added = this.#ring.slice(this.#ring.length - this.#sub);
      for (const change of added) if (change !== undefined) this.#emit(change);
    }
    this.#trim();
  }

  /** Forgets all; everything up to `index` is unknown from now on. */
  reset(index: LogIndex): void {
    this.#keepFrom(this.#ring.length);
    this.#sizeBytes = 0;
    this.#floor = { index, sub: Infinity };
    this.#index = index;
    this.#sub = 0;
    this.#emit(Object.freeze({ kind: "reset", index, sub: 0 }));
  }

  changesSince(position: FeedPosition, limit: number): ChangesSince {
    const { index } = position;
    const place = { index, sub: position.sub ?? Infinity };
    if (isBefore(place, this.#floor)) {
      return { kind: "compacted", oldest: this.#indexes[this.#head] ?? this.#index };
    }
    const from = this.#firstAfter(place);
    const to = Math.min(from + limit, this.#ring.length);
    const changes = this.#ring.slice(from, to).filter((change) => change !== undefined);
    return { kind: "changes", changes, isComplete: to === this.#ring.length };
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Whether a covered key of the table changed after `index`; yes when that is too long ago to know. */
  hasChangedSince(table: TableName, index: LogIndex, covers: (key: Uint8Array) => boolean): boolean {
    const place = { index, sub: Infinity };
    if (isBefore(place, this.#floor)) return true;
    for (let at = this.#ring.length - 1; at >= this.#head; at--) {
      const change = this.#ring[at];
      if (change === undefined || change.index <= index) return false;
      if (change.table === table && covers(change.key)) return true;
    }
    return false;
  }

  #emit(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  #trim(): void {
    while (this.size > this.#limits.changesMax || (this.#sizeBytes > this.#limits.bytesMax && this.size > 0)) {
      const [index, sub, size] = [this.#indexes[this.#head], this.#subs[this.#head], this.#sizes[this.#head]];
      assert(index !== undefined && sub !== undefined && size !== undefined, "The oldest kept change must be there");
      this.#sizeBytes -= size;
      this.#floor = { index, sub };
      // Its slot is cut off only with many others: until then it must not hold on to the value.
      this.#ring[this.#head] = undefined;
      this.#head++;
    }
    // Moves the rest only when as much was dropped as is kept: constant cost per change on average.
    if (this.#head > 1024 && this.#head * 2 > this.#ring.length) this.#keepFrom(this.#head);
  }

  /** Lets go of the changes before that place. */
  #keepFrom(at: number): void {
    this.#ring = this.#ring.slice(at);
    this.#indexes = this.#indexes.slice(at);
    this.#subs = this.#subs.slice(at);
    this.#sizes = this.#sizes.slice(at);
    this.#head = 0;
  }

  #firstAfter(place: ChangePlace): number {
    let low = this.#head;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [index, sub] = [this.#indexes[middle] ?? 0, this.#subs[middle] ?? 0];
      if (isBefore(place, { index, sub })) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isBefore(a: ChangePlace, b: ChangePlace): boolean {
  return a.index < b.index || (a.index === b.index && a.sub < b.sub);
}

function changeBytes(change: RowChange): number {
  const isValue = change.kind === "put" && change.table === "kv";
  return change.key.length + (isValue ? change.row.value.length : 0) + (change.table === "kv" ? 128 : 512);
}

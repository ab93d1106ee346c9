import { assert, Ring, type LogIndex } from "../../base/index.ts";
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
 * rings of numbers beside it: the change itself, made long ago, would have to be fetched from memory to be dropped.
 */
export class ChangeFeed implements Changes {
  readonly #limits: ChangeFeedLimits;
  readonly #listeners = new Set<ChangeListener>();
  readonly #changes = new Ring<RowChange>();
  /** Of each change: its index, `sub` and size. */
  readonly #indexes = new Ring<LogIndex>();
  readonly #subs = new Ring<number>();
  readonly #sizes = new Ring<number>();
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
    return this.#changes.length;
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
    this.#changes.push(Object.freeze(change));
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
      for (const change of this.#changes.slice(this.size - this.#sub)) this.#emit(change);
    }
    this.#trim();
  }

  /** Forgets all; everything up to `index` is unknown from now on. */
  reset(index: LogIndex): void {
    for (const ring of [this.#changes, this.#indexes, this.#subs, this.#sizes]) ring.clear();
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
      return { kind: "compacted", oldest: this.#indexes.at(0) ?? this.#index };
    }
    const from = this.#firstAfter(place);
    const to = Math.min(from + limit, this.size);
    return { kind: "changes", changes: this.#changes.slice(from, to), isComplete: to === this.size };
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
    for (let at = this.size - 1; at >= 0; at--) {
      const change = this.#changes.at(at);
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
      const [index, sub, size] = [this.#indexes.at(0), this.#subs.at(0), this.#sizes.at(0)];
      assert(index !== undefined && sub !== undefined && size !== undefined, "The oldest kept change must be there");
      this.#sizeBytes -= size;
      this.#floor = { index, sub };
      this.#changes.drop(1);
      this.#indexes.drop(1);
      this.#subs.drop(1);
      this.#sizes.drop(1);
    }
  }

  #firstAfter(place: ChangePlace): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [index, sub] = [this.#indexes.at(middle) ?? 0, this.#subs.at(middle) ?? 0];
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

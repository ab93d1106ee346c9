import { assert, type LogIndex } from "../base/index.ts";
import { entrySize, type Entry, type EntryId } from "./entry.ts";

/** Removed slots are cut off once there are this many of them. */
const TRIM_AT = 1024;

/**
 * Entries in memory: the tail of the log, bounded in bytes, and one run that was loaded from disk for a follower that
 * lags or for applying after a restart. What is not durable and applied yet is never evicted.
 */
export class EntryCache {
  readonly #bytesMax: number;
  /** The tail; slots below `#head` are empty by now. */
  #tail: (Entry | undefined)[] = [];
  #head = 0;
  /** Index of the entry at `#head`. */
  #first: LogIndex;
  #bytes = 0;
  #loaded: readonly Entry[] = [];

  constructor(bytesMax: number, first: LogIndex) {
    this.#bytesMax = bytesMax;
    this.#first = first;
  }

  /** Index from which on everything is in memory. */
  get first(): LogIndex {
    return this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(index: LogIndex): Entry | undefined {
    if (index >= this.#first) return this.#tail[this.#head + index - this.#first];
    const loadedFirst = this.#loaded[0]?.index;
    return loadedFirst === undefined || index < loadedFirst ? undefined : this.#loaded[index - loadedFirst];
  }

  push(entry: Entry): void {
    this.#tail.push(entry);
    this.#bytes += entrySize(entry);
  }

  /** Keeps within the bound by forgetting the oldest entries, up to `last` at most. */
  evict(last: LogIndex): void {
    if (this.#bytes <= this.#bytesMax) return;
    while (this.#bytes > this.#bytesMax && this.#first <= last && this.#dropFirst());
    this.#trim();
  }

  compact(index: LogIndex): void {
    while (this.#first <= index && this.#dropFirst());
    this.#first = Math.max(this.#first, index + 1);
    this.#trim();
    if ((this.#loaded[0]?.index ?? Infinity) <= index) {
      this.#loaded = this.#loaded.filter((entry) => entry.index > index);
    }
  }

  truncate(from: LogIndex): void {
    while (this.#tail.length > this.#head && (this.#tail.at(-1)?.index ?? 0) >= from) {
      const entry = this.#tail.pop();
      if (entry !== undefined) this.#bytes -= entrySize(entry);
    }
    this.#first = Math.min(this.#first, from);
    if ((this.#loaded.at(-1)?.index ?? 0) >= from) this.#loaded = this.#loaded.filter((entry) => entry.index < from);
  }

  reset(first: LogIndex): void {
    this.#tail = [];
    this.#head = 0;
    this.#first = first;
    this.#bytes = 0;
    this.#loaded = [];
  }

  /** Takes a run of entries from disk in place of the one before. */
  setLoaded(entries: readonly Entry[]): void {
    this.#loaded = entries;
  }

  check(idAt: (index: LogIndex) => EntryId | undefined, last: LogIndex): void {
    assert(this.#tail.length - this.#head === last + 1 - this.#first, "The cache must reach to the end of the log");
    for (let i = this.#head; i < this.#tail.length; i += 1) this.#checkEntry(this.#tail[i], idAt);
    for (const entry of this.#loaded) this.#checkEntry(entry, idAt);
  }

  #checkEntry(entry: Entry | undefined, idAt: (index: LogIndex) => EntryId | undefined): void {
    const id = entry === undefined ? undefined : idAt(entry.index);
    assert(id?.chain === entry?.chain, "A cached entry must be the one in the log");
    assert(id?.term === entry?.term, "A cached entry must have the term in the log");
  }

  #dropFirst(): boolean {
    const entry = this.#tail[this.#head];
    if (entry === undefined) return false;
    // A slot is cut off only with many others: until then it must not hold on to what was dropped.
    this.#tail[this.#head] = undefined;
    this.#bytes -= entrySize(entry);
    this.#head += 1;
    this.#first += 1;
    return true;
  }

  #trim(): void {
    if (this.#head < TRIM_AT || this.#head * 2 < this.#tail.length) return;
    this.#tail.splice(0, this.#head);
    this.#head = 0;
  }
}

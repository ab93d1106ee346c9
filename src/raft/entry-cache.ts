import { assert, Ring, type LogIndex } from "../base/index.ts";
import { entrySize, type Entry, type EntryId } from "./entry.ts";

/**
 * Entries in memory: the tail of the log, bounded in bytes, and one run that was loaded from disk for a follower that
 * lags or for applying after a restart. What is not durable and applied yet is never evicted.
 */
export class EntryCache {
  readonly #bytesMax: number;
  readonly #tail = new Ring<Entry>();
  /** Index of the oldest entry of the tail, or of the next one to come. */
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
    if (index >= this.#first) return this.#tail.at(index - this.#first);
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
  }

  compact(index: LogIndex): void {
    while (this.#first <= index && this.#dropFirst());
    this.#first = Math.max(this.#first, index + 1);
    if ((this.#loaded[0]?.index ?? Infinity) <= index) {
      this.#loaded = this.#loaded.filter((entry) => entry.index > index);
    }
  }

  truncate(from: LogIndex): void {
    const kept = Math.max(0, from - this.#first);
    for (const entry of this.#tail.slice(kept)) this.#bytes -= entrySize(entry);
    this.#tail.truncate(kept);
    this.#first = Math.min(this.#first, from);
    if ((this.#loaded.at(-1)?.index ?? 0) >= from) this.#loaded = this.#loaded.filter((entry) => entry.index < from);
  }

  reset(first: LogIndex): void {
    this.#tail.clear();
    this.#first = first;
    this.#bytes = 0;
    this.#loaded = [];
  }

  /** Takes a run of entries from disk in place of the one before. */
  setLoaded(entries: readonly Entry[]): void {
    this.#loaded = entries;
  }

  check(idAt: (index: LogIndex) => EntryId | undefined, last: LogIndex): void {
    assert(this.#tail.length === last + 1 - this.#first, "The cache must reach to the end of the log");
    for (let place = 0; place < this.#tail.length; place += 1) this.#checkEntry(this.#tail.at(place), idAt);
    for (const entry of this.#loaded) this.#checkEntry(entry, idAt);
  }

  #checkEntry(entry: Entry | undefined, idAt: (index: LogIndex) => EntryId | undefined): void {
    const id = entry === undefined ? undefined : idAt(entry.index);
    assert(id?.chain === entry?.chain, "A cached entry must be the one in the log");
    assert(id?.term === entry?.term, "A cached entry must have the term in the log");
  }

  #dropFirst(): boolean {
    const entry = this.#tail.at(0);
    if (entry === undefined) return false;
    this.#tail.drop(1);
    this.#bytes -= entrySize(entry);
    this.#first += 1;
    return true;
  }
}

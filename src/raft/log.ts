import { assert, defined, Ring, type LogIndex, type Term } from "../base/index.ts";
import { entrySize, type Entry, type EntryPoint } from "./entry.ts";
import { EntryCache } from "./entry-cache.ts";
import type { RecoveredLog } from "./recovered-log.ts";

const NOTHING_EARLY = { terms: [], chains: [], times: [] };

/**
 * The log as the protocol sees it: the id of every entry behind the base, and the entries themselves as far as they
 * are in memory. Terms are kept as runs, since they change rarely. Knows nothing of disks but `durable`.
 */
export class Log {
  readonly cache: EntryCache;
  /** The entry before the first one. Everything up to it is committed and applied. */
  #base: EntryPoint;
  #last: LogIndex;
  /** Start indexes of the runs of one term, rising; a run ends where the next begins. */
  #runStarts: LogIndex[] = [];
  #runTerms: Term[] = [];
  /** Chains and stamps of the entries behind the base. */
  readonly #chains = new Ring<number>();
  readonly #times = new Ring<number>();

  constructor({ base, early, entries }: RecoveredLog, cacheBytesMax: number) {
    this.#base = base;
    this.#last = base.index;
    const { terms, chains, times } = early ?? NOTHING_EARLY;
    for (let at = 0; at < terms.length; at += 1) this.#add(terms[at] ?? 0, chains[at] ?? 0, times[at] ?? 0);
    this.cache = new EntryCache(cacheBytesMax, this.#last + 1);
    for (const entry of entries) {
      this.append(entry);
      this.cache.evict(entry.index);
    }
  }

  get base(): EntryPoint {
    return this.#base;
  }

  get firstIndex(): LogIndex {
    return this.#base.index + 1;
  }

  get lastIndex(): LogIndex {
    return this.#last;
  }

  get lastTerm(): Term {
    return this.#runTerms.at(-1) ?? this.#base.term;
  }

  get lastChain(): number {
    return this.#last === this.#base.index ? this.#base.chain : (this.#chains.last() ?? 0);
  }

  get lastTime(): number {
    return this.#last === this.#base.index ? this.#base.time : (this.#times.last() ?? 0);
  }

  /** The term of an index from the base on; undefined: compacted or not there yet. */
  termAt(index: LogIndex): Term | undefined {
    if (index < this.#base.index || index > this.#last) return undefined;
    if (index === this.#base.index) return this.#base.term;
    return this.#runTerms[this.#runAt(index)];
  }

  chainAt(index: LogIndex): number | undefined {
    if (index === this.#base.index) return this.#base.chain;
    if (index < this.#base.index || index > this.#last) return undefined;
    return this.#chains.at(index - this.#base.index - 1);
  }

  pointAt(index: LogIndex): EntryPoint | undefined {
    if (index === this.#base.index) return this.#base;
    const term = this.termAt(index);
    if (term === undefined) return undefined;
    const place = index - this.#base.index - 1;
    return { index, term, chain: this.#chains.at(place) ?? 0, time: this.#times.at(place) ?? 0 };
  }

  /** The last index at or below `from` whose term is at most `term`; the base when there is none. @see Raft §5.3 */
  lastIndexOfTermAtMost(from: LogIndex, term: Term): LogIndex {
    let index = Math.min(from, this.#last);
    while (index > this.#base.index) {
      const run = this.#runAt(index);
      if ((this.#runTerms[run] ?? 0) <= term) return index;
      index = (this.#runStarts[run] ?? 1) - 1;
    }
    return index;
  }

  append(entry: Entry): void {
    assert(
      entry.index === this.#last + 1,
      () => `Cannot append entry ${entry.index} as the next must be ${this.#last + 1}`,
    );
    this.#add(entry.term, entry.chain, entry.time);
    this.cache.push(entry);
  }

  /** Removes entries at and above `from`. */
  truncate(from: LogIndex): void {
    assert(from > this.#base.index, () => `Cannot truncate at ${from} as the log begins behind ${this.#base.index}`);
    if (from > this.#last) return;
    this.#last = from - 1;
    this.#chains.truncate(this.#last - this.#base.index);
    this.#times.truncate(this.#last - this.#base.index);
    while ((this.#runStarts.at(-1) ?? 0) >= from) {
      this.#runStarts.pop();
      this.#runTerms.pop();
    }
    this.cache.truncate(from);
  }

  /** Removes entries at and below `index`; it becomes the base. */
  compact(index: LogIndex): EntryPoint {
    const point = defined(this.pointAt(index), `The log entry ${index}`);
    while ((this.#runStarts[1] ?? Infinity) <= index + 1) {
      this.#runStarts.shift();
      this.#runTerms.shift();
    }
    if (index === this.#last) {
      this.#runStarts = [];
      this.#runTerms = [];
    } else this.#runStarts[0] = Math.max(this.#runStarts[0] ?? 0, index + 1);
    this.#chains.drop(index - this.#base.index);
    this.#times.drop(index - this.#base.index);
    this.#base = point;
    this.cache.compact(index);
    return point;
  }

  /** Discards everything: the log continues behind `base`. */
  reset(base: EntryPoint): void {
    this.#base = base;
    this.#last = base.index;
    this.#runStarts = [];
    this.#runTerms = [];
    this.#chains.clear();
    this.#times.clear();
    this.cache.reset(base.index + 1);
  }

  /** Entries `[from, to)` in memory, at most `bytesMax` but at least one; undefined: the first is not in memory. */
  slice(from: LogIndex, to: LogIndex, bytesMax: number): Entry[] | undefined {
    const end = Math.min(to, this.#last + 1);
    const slice: Entry[] = [];
    let bytes = 0;
    for (let index = from; index < end; index += 1) {
      const entry = this.cache.get(index);
      if (entry === undefined) break;
      bytes += entrySize(entry);
      if (slice.length > 0 && bytes > bytesMax) break;
      slice.push(entry);
    }
    return slice.length === 0 && from < end ? undefined : slice;
  }

  /** All of the log against itself. @throws InvariantViolation */
  check(): void {
    assert(this.#chains.length === this.#last - this.#base.index, "A log must know the chain of each entry");
    assert(this.#runStarts.length === this.#runTerms.length, "A log must know where each term begins");
    let previous = this.#base.term;
    for (const term of this.#runTerms) {
      assert(term >= previous, "Terms must not fall along the log");
      previous = term;
    }
    for (let i = 1; i < this.#runStarts.length; i += 1) {
      assert((this.#runStarts[i] ?? 0) > (this.#runStarts[i - 1] ?? 0), "Runs of terms must follow each other");
    }
    this.cache.check((index) => this.pointAt(index), this.#last);
  }

  #add(term: Term, chain: number, time: number): void {
    assert(term >= this.lastTerm, () => `Cannot append term ${term} behind term ${this.lastTerm}`);
    this.#last += 1;
    if (term !== this.#runTerms.at(-1)) {
      this.#runStarts.push(this.#last);
      this.#runTerms.push(term);
    }
    this.#chains.push(chain);
    this.#times.push(time);
  }

  /** The run that holds `index`. From the end, as nearly all questions are about the newest entries. */
  #runAt(index: LogIndex): number {
    let run = this.#runStarts.length - 1;
    while (run > 0 && (this.#runStarts[run] ?? 0) > index) run -= 1;
    return run;
  }
}

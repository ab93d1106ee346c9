import type { LogIndex } from "../../../src/base/index.ts";
import type { Identity, StoredState } from "../../../src/node/index.ts";
import { LogSurvey, type Entry, type EntryId, type HardState, type Persist } from "../../../src/raft/index.ts";

/** What one simulated disk holds of a log. */
export class LogImage {
  identity: Identity | undefined;
  hard: HardState = { term: 0, vote: undefined };
  seq = 0;
  commitHint: LogIndex = 0;
  base: EntryId & { readonly time: number };
  entries: Entry[] = [];
  /** Entries whose stored bytes have changed at rest; `entries` tells what was written. */
  rotten: ReadonlySet<LogIndex> = new Set();

  constructor(chainStart: number) {
    this.base = { index: 0, term: 0, chain: chainStart, time: 0 };
  }

  get lastIndex(): LogIndex {
    return this.base.index + this.entries.length;
  }

  /** What the log knows of an index; undefined when it is compacted or beyond the end. */
  idAt(index: LogIndex): EntryId | undefined {
    return index === this.base.index ? this.base : this.entries[index - this.base.index - 1];
  }

  /** One transaction. @throws RangeError when the operations do not fit the log: the caller broke its contract */
  apply(operations: readonly Persist[], commitHint: LogIndex): void {
    for (const operation of operations) this.#applyOne(operation);
    this.seq += 1;
    this.commitHint = commitHint;
    if (this.rotten.size > 0) this.#forgetRot(operations);
  }

  /** What is written over or removed is not rotten any more. */
  #forgetRot(operations: readonly Persist[]): void {
    const from = Math.min(
      ...operations.map(({ truncateFrom, reset }) => (reset === undefined ? (truncateFrom ?? Infinity) : 0)),
    );
    this.rotten = new Set([...this.rotten].filter((index) => index > this.base.index && index < from));
  }

  rot(index: LogIndex): void {
    this.rotten = new Set([...this.rotten, index]);
  }

  /** The stored bytes of an entry. */
  stored(index: LogIndex): Entry | undefined {
    const entry = this.entries[index - this.base.index - 1];
    if (entry === undefined || !this.rotten.has(index)) return entry;
    const data = new Uint8Array(Math.max(1, entry.data.length));
    data.set(entry.data);
    data[data.length >> 1] = (data[data.length >> 1] ?? 0) ^ 1;
    return { ...entry, data };
  }

  /** A snapshot contains all damaged entries: they are removed, as the store does when it finds them at the start. */
  purge(to: EntryId & { readonly time: number }): void {
    this.entries.splice(0, to.index - this.base.index);
    this.base = to;
    this.rotten = new Set();
  }

  #applyOne({ reset, truncateFrom, append, compactTo, hard }: Persist): void {
    if (reset !== undefined) {
      this.base = { index: reset.index, term: reset.term, chain: reset.chain, time: reset.time };
      this.entries = [];
    }
    if (truncateFrom !== undefined) {
      if (truncateFrom <= this.base.index) throw new RangeError(`truncates at ${truncateFrom}, below the base`);
      this.entries.length = Math.min(this.entries.length, truncateFrom - this.base.index - 1);
    }
    for (const entry of append ?? []) {
      if (entry.index !== this.lastIndex + 1) {
        throw new RangeError(`appends index ${entry.index} behind ${this.lastIndex}`);
      }
      this.entries.push(entry);
    }
    if (compactTo !== undefined && compactTo.index > this.base.index) {
      if (compactTo.index > this.lastIndex) throw new RangeError(`compacts to ${compactTo.index}, beyond the end`);
      this.entries.splice(0, compactTo.index - this.base.index);
      this.base = compactTo;
    }
    if (hard !== undefined) this.hard = hard;
  }

  copy(): LogImage {
    const copy = new LogImage(0);
    copy.identity = this.identity;
    copy.hard = this.hard;
    copy.seq = this.seq;
    copy.commitHint = this.commitHint;
    copy.base = this.base;
    copy.entries = [...this.entries];
    copy.rotten = this.rotten;
    return copy;
  }

  toStored(tailBytesMax: number): StoredState {
    const { identity, hard, seq, commitHint, base } = this;
    const survey = new LogSurvey(tailBytesMax);
    for (const entry of this.entries) survey.push(entry);
    return { identity, hard, seq, commitHint, ...survey.finish(base) };
  }
}

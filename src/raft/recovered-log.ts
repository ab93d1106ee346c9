import type { LogIndex, Term } from "../base/index.ts";
import { entrySize, type Entry, type EntryPoint } from "./entry.ts";

/** Entries of which a core is told only where they are in the log: their data are on the disk, and come by `load`. */
export interface EarlyEntries {
  readonly terms: ArrayLike<Term>;
  readonly chains: ArrayLike<number>;
  readonly times: ArrayLike<number>;
  /** Those that speak of the cluster itself, whole. */
  readonly own: readonly Entry[];
}

/** The durable log as found at start. A log may be larger than memory: only its newest entries are handed over whole. */
export interface RecoveredLog {
  /** The entry before the first one; (0, 0, chainStart) for a log that was never compacted. */
  readonly base: EntryPoint;
  /** All entries between the base and `entries`; missing: there are none. */
  readonly early?: EarlyEntries;
  /** The newest entries up to the end of the log, in order, contiguous. */
  readonly entries: readonly Entry[];
}

/** Index of the last entry; of the base when there is none. */
export function lastRecovered({ base, early, entries }: RecoveredLog): LogIndex {
  return base.index + (early?.terms.length ?? 0) + entries.length;
}

/** Undefined: the log has no such entry, or it is the base or before it. */
export function recoveredTerm({ base, early, entries }: RecoveredLog, index: LogIndex): Term | undefined {
  const at = index - base.index - 1;
  const earlyCount = early?.terms.length ?? 0;
  return at < earlyCount ? early?.terms[at] : entries[at - earlyCount]?.term;
}

/** Every entry that speaks of the cluster itself, in order. */
export function ownEntries({ early, entries }: Pick<RecoveredLog, "early" | "entries">): readonly Entry[] {
  return [...(early?.own ?? []), ...entries.filter(isOwn)];
}

function isOwn({ kind }: Entry): boolean {
  return kind === "membership" || kind === "check";
}

/** Removed slots are cut off once there are this many of them. */
const TRIM_AT = 1024;

/** Takes the entries of a log one after the other, and keeps of the early ones no more than a core needs of them. */
export class LogSurvey {
  readonly #tailBytesMax: number;
  readonly #terms: Term[] = [];
  readonly #chains: number[] = [];
  readonly #times: number[] = [];
  readonly #own: Entry[] = [];
  /** The newest entries; slots below `#head` are empty, as those are early by now. */
  #tail: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(tailBytesMax: number) {
    this.#tailBytesMax = tailBytesMax;
  }

  push(entry: Entry): void {
    this.#tail.push(entry);
    this.#bytes += entrySize(entry);
    while (this.#bytes > this.#tailBytesMax && this.#head < this.#tail.length - 1) this.#dropFirst();
    if (this.#head < TRIM_AT || this.#head * 2 < this.#tail.length) return;
    this.#tail = this.#tail.slice(this.#head);
    this.#head = 0;
  }

  finish(base: EntryPoint): RecoveredLog {
    const entries = this.#tail.filter((entry) => entry !== undefined);
    if (this.#terms.length === 0) return { base, entries };
    return { base, early: { terms: this.#terms, chains: this.#chains, times: this.#times, own: this.#own }, entries };
  }

  #dropFirst(): void {
    const entry = this.#tail[this.#head];
    if (entry === undefined) return;
    this.#tail[this.#head] = undefined;
    this.#head += 1;
    this.#bytes -= entrySize(entry);
    this.#terms.push(entry.term);
    this.#chains.push(entry.chain);
    this.#times.push(entry.time);
    if (isOwn(entry)) this.#own.push(entry);
  }
}

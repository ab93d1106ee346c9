export type Outcome = "done" | "refused" | "not-done" | "unknown";

export interface Gap {
  readonly ms: number;
  /** Since the start. */
  readonly atMs: number;
  /** What was being done to the cluster when it ended. */
  readonly during: string;
}

/** What all clients of a run saw. */
export class Tally {
  readonly violations: string[] = [];
  /** Set by whoever does something to the cluster; shown beside what was found meanwhile. */
  during = "nothing";
  longestGap: Gap = { ms: 0, atMs: 0, during: "nothing" };
  readonly #counts = new Map<string, Record<Outcome, number>>();
  readonly #notes = new Map<string, number>();
  readonly #startedAt = performance.now();
  #lastWriteAt: number | undefined;

  count(operation: string, outcome: Outcome): void {
    const counts = this.#counts.get(operation) ?? { done: 0, refused: 0, "not-done": 0, unknown: 0 };
    counts[outcome] += 1;
    this.#counts.set(operation, counts);
  }

  /** Something that may happen and is worth its number. */
  note(what: string): void {
    this.#notes.set(what, (this.#notes.get(what) ?? 0) + 1);
  }

  /** A write was acknowledged, to whomever. */
  wrote(): void {
    const now = performance.now();
    const ms = now - (this.#lastWriteAt ?? now);
    this.#lastWriteAt = now;
    if (ms > this.longestGap.ms) this.longestGap = { ms, atMs: now - this.#startedAt, during: this.during };
  }

  violation(text: string): void {
    const line = `${((performance.now() - this.#startedAt) / 1000).toFixed(1)} s, during ${this.during}: ${text}`;
    this.violations.push(line);
    process.stderr.write(`VIOLATION ${line}\n`);
  }

  get counts(): ReadonlyMap<string, Readonly<Record<Outcome, number>>> {
    return this.#counts;
  }

  get notes(): ReadonlyMap<string, number> {
    return this.#notes;
  }
}

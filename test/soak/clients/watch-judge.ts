import type { Sequence } from "./sequence.ts";

/** What a watcher of sequences was told, judged: every change, in order, and a gap only where a `reset` said so. */
export class WatchJudge {
  readonly #sequences: ReadonlyMap<string, Sequence>;
  readonly #expected = new Map<string, number>();
  #lastIndex: number;
  /** Keys whose next number may be any, and from which index on none may be missing. */
  readonly #reset = new Map<string, number>();

  constructor(sequences: readonly Sequence[], from: number) {
    this.#sequences = new Map(sequences.map((sequence) => [sequence.key, sequence]));
    for (const { key } of sequences) this.#expected.set(key, 0);
    this.#lastIndex = from;
  }

  reset(index: number): string | undefined {
    if (index < this.#lastIndex) return `a reset to ${index} behind ${this.#lastIndex}`;
    this.#lastIndex = index;
    for (const key of this.#sequences.keys()) this.#reset.set(key, index);
    return undefined;
  }

  /** The contradiction, where there is one. */
  put(key: string, number: number, index: number): string | undefined {
    const sequence = this.#sequences.get(key);
    if (sequence === undefined) return `${key} is not watched`;
    if (index <= this.#lastIndex) return `${key} at ${index} came after ${this.#lastIndex}`;
    this.#lastIndex = index;
    const resetAt = this.#reset.get(key);
    this.#reset.delete(key);
    const expected = this.#expected.get(key) ?? 0;
    this.#expected.set(key, number + 1);
    if (resetAt === undefined) {
      if (number !== expected) return `${key}: ${number} came where ${expected} was next`;
      return sequence.contradiction(number, index);
    }
    const before = sequence.indexOf(number - 1);
    if (number < expected) return `${key}: ${number} came again after a reset, ${expected} was next`;
    if (before !== undefined && before > resetAt) {
      return `${key}: ${number - 1} at ${before} is missing after the reset at ${resetAt}`;
    }
    return sequence.contradiction(number, index);
  }
}

import type { ReadFailure } from "./outcome.ts";

export interface ParkOptions {
  /** The client went away. */
  readonly signal: AbortSignal | undefined;
  /** Registers what ends the wait, and answers how to take that back. `end` is never called inside. */
  readonly arm: (end: (failure?: ReadFailure) => void) => () => void;
}

/** Reads that wait for something: bounded in number, and woken together when this node stops. */
export class ParkedReads {
  readonly #countMax: number;
  readonly #stops = new Set<() => void>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#stops.size;
  }

  /** Waits. Undefined: the wait is over, whatever ended it but a failure. */
  async park({ signal, arm }: ParkOptions): Promise<ReadFailure | undefined> {
    if (this.#stops.size >= this.#countMax) return { kind: "too-many-watchers" };
    if (signal?.aborted === true) return undefined;
    return new Promise((resolve) => {
      const end = (failure?: ReadFailure): void => {
        if (!this.#stops.delete(stop)) return;
        disarm();
        signal?.removeEventListener("abort", leave);
        resolve(failure);
      };
      const stop = (): void => end({ kind: "shutting-down" });
      const leave = (): void => end();
      this.#stops.add(stop);
      const disarm = arm(end);
      signal?.addEventListener("abort", leave);
    });
  }

  stopAll(): void {
    for (const stop of Array.from(this.#stops)) stop();
  }
}

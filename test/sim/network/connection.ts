import type { End, Wire } from "./wires.ts";

/** A connection between two processes. Each end learns of its close on its own. */
export class Connection implements Wire {
  readonly #ends: readonly [End, End];
  readonly #isClosed = [false, false];
  /** When the last thing towards each end arrives: what follows cannot overtake it. */
  readonly #lastArrival = [0, 0];

  constructor(dialer: End, acceptor: End) {
    this.#ends = [dialer, acceptor];
  }

  other(end: End): End {
    const [dialer, acceptor] = this.#ends;
    return end === dialer ? acceptor : dialer;
  }

  isClosedAt(end: End): boolean {
    return this.#isClosed[this.#numberOf(end)] === true;
  }

  closeAt(end: End): void {
    this.#isClosed[this.#numberOf(end)] = true;
  }

  /** The time at which something due at `at` reaches this end, in order. */
  arrivalAt(end: End, at: number): number {
    const number = this.#numberOf(end);
    const arrival = Math.max(at, this.#lastArrival[number] ?? 0);
    this.#lastArrival[number] = arrival;
    return arrival;
  }

  #numberOf(end: End): 0 | 1 {
    return end === this.#ends[0] ? 0 : 1;
  }
}

import type { Clock } from "../base/index.ts";

/** A tick counts for at most this much, however late it comes. */
const TICK_MS_MAX = 250;

/**
 * The time in which this process could hear its clients, in ms: a pause of the process (SIGSTOP, a suspended machine)
 * counts for one tick at most, so that nobody is charged for it. It can lose time, never gain.
 */
export class AttendedClock {
  readonly #clock: Clock;
  #base = 0;
  #lastTick: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastTick = clock.now();
  }

  now(): number {
    return this.#base + Math.min(this.#clock.now() - this.#lastTick, TICK_MS_MAX);
  }

  /** To be called at least every 250 ms: what lies between two calls beyond that is lost. */
  tick(): void {
    this.#base = this.now();
    this.#lastTick = this.#clock.now();
  }
}

import type { Clock, Timer } from "../base/index.ts";

/**
 * One timer for the core's next deadline. A deadline that moves back leaves the armed timer alone: it fires early and
 * finds nothing due, which costs less than a new timer for every message.
 */
export class Wakeup {
  readonly #clock: Clock;
  readonly #onWake: () => void;
  #timer: Timer | undefined;
  #armedAt = Infinity;
  /** Monotonic ms at which the core wants a tick. */
  at = Infinity;

  constructor(clock: Clock, onWake: () => void) {
    this.#clock = clock;
    this.#onWake = onWake;
  }

  isDue(): boolean {
    return this.#clock.now() >= this.at;
  }

  arm(): void {
    if (this.at >= this.#armedAt) return;
    this.#timer?.cancel();
    this.#armedAt = this.at;
    this.#timer = this.#clock.at(this.at, () => {
      this.#armedAt = Infinity;
      this.#timer = undefined;
      this.#onWake();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedAt = Infinity;
    this.at = Infinity;
  }
}

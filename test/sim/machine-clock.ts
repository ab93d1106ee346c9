import type { Scheduler } from "./scheduler.ts";

/** The monotonic clock of one machine: it drifts, may jump ahead, and never goes back. */
export class MachineClock {
  readonly #scheduler: Scheduler;
  readonly #rate: number;
  #offset: number;
  #wallOffset: number;

  constructor(scheduler: Scheduler, options: { readonly rate: number; readonly offset: number }) {
    this.#scheduler = scheduler;
    this.#rate = options.rate;
    this.#offset = options.offset;
    this.#wallOffset = 1_700_000_000_000;
  }

  now(): number {
    return this.#offset + this.#scheduler.now * this.#rate;
  }

  wall(): number {
    return this.#wallOffset + this.#scheduler.now;
  }

  /** As after a virtual machine was stopped and went on: timers that were set stay where they were. */
  jump(ms: number): void {
    this.#offset += Math.max(0, ms);
  }

  setWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Simulated ms until this clock shows `at`. */
  delayUntil(at: number): number {
    return Math.max(0, (at - this.now()) / this.#rate);
  }
}

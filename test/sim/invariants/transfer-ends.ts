import type { Running } from "../stage.ts";
import type { SwarmOptions } from "../swarm.ts";
import type { Fail } from "./reporter.ts";

/** A leader that hands over takes writes again after its deadline, whatever became of the other one. @see thesis §3.10 */
export class TransferEnds {
  readonly #fail: Fail;
  readonly #clock: { readonly now: number };
  readonly #options: SwarmOptions;
  readonly #startedAt = new Map<Running, number>();

  constructor(fail: Fail, clock: { readonly now: number }, options: SwarmOptions) {
    this.#fail = fail;
    this.#clock = clock;
    this.#options = options;
  }

  onStarted(process: Running): void {
    this.#startedAt.set(process, this.#clock.now);
  }

  onRefusal(process: Running, kind: string): void {
    if (kind !== "transfer-in-progress") return;
    const { timing, lateTickMsMax } = this.#options;
    const { now } = this.#clock;
    const forMs = timing.electionTimeoutMs * 1.1 + timing.heartbeatTimeoutMs / 5 + 2 * lateTickMsMax + 50;
    const since = Math.max(this.#startedAt.get(process) ?? -Infinity, process.lastPauseEnd);
    if (process.isPaused || now - since <= forMs) return;
    this.#fail(
      "a transfer ends",
      `${process.key} refuses writes ${Math.round(now - since)} ms after it began to hand over`,
    );
  }
}

import type { LogIndex } from "../base/index.ts";
import type { SnapshotMeta } from "../raft/index.ts";
import type { Driver } from "./driver.ts";

/** Between two steps: at this rate the log is cut faster than it can grow. */
const STEP_EVERY_MS = 10;

interface Wanted {
  readonly meta: SnapshotMeta;
  readonly compactTo: LogIndex;
  /** Entries removed in one transaction, at least 1. */
  readonly stepEntries: number;
}

/**
 * Cuts off what a snapshot made superfluous, in steps: writes wait for the transaction that removes entries, and removing
 * 200,000 of them at once takes a quarter of a second.
 */
export class LogTrimmer {
  readonly #driver: Pick<Driver, "clock" | "submit">;
  #wanted: Wanted | undefined;
  /** The end of the last step. */
  #at: LogIndex = 0;
  #isStopped = false;

  constructor(driver: Pick<Driver, "clock" | "submit">) {
    this.#driver = driver;
  }

  /** The snapshot is complete, and the log from behind `base` up to `compactTo` may go. The first step is taken at once. */
  trim(wanted: Wanted, base: LogIndex): void {
    const isUnderWay = this.#wanted !== undefined;
    this.#wanted = wanted;
    this.#at = base;
    this.#take(wanted);
    if (!isUnderWay) this.#goOn();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #goOn(): void {
    const { clock } = this.#driver;
    if (this.#wanted === undefined || this.#at >= this.#wanted.compactTo) {
      this.#wanted = undefined;
      return;
    }
    clock.at(clock.now() + STEP_EVERY_MS, () => {
      if (this.#isStopped) return;
      if (this.#wanted !== undefined) this.#take(this.#wanted);
      this.#goOn();
    });
  }

  #take({ meta, compactTo, stepEntries }: Wanted): void {
    const { clock } = this.#driver;
    this.#at = Math.min(compactTo, this.#at + stepEntries);
    this.#driver.submit({ kind: "snapshot-taken", now: clock.now(), meta, compactTo: this.#at });
  }
}

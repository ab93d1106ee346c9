import type { Clock, Timer } from "../base/index.ts";

/** For how long at most a batch is held, in ms, counted from when it could have left; a timer may come a little later. */
const PATIENCE_MS = 1;
/** A batch need not have the last of those expected. */
const ENOUGH = 0.9;
/** A wait was in vain when less than this part of those hoped for came. */
const IN_VAIN = 0.25;
/** After waits in vain, so many batches at most leave at once before one is held again. */
const REST_BATCHES_MAX = 63;

interface Wait {
  /** 0: over. The timer may come a little before its time. */
  until: number;
  /** How many waited when it began. */
  readonly waitingCount: number;
  readonly timer: Timer;
}

/**
 * Decides when the proposals that gathered leave as one batch. A batch costs each node a transaction, a message and the
 * wake-ups of its threads, whatever it holds, and clients that have just been answered are about to write again. So as
 * many are waited for as were without an answer at the same time, for a moment: else those clients stay split into
 * groups that leave one after the other. A client that is alone never waits. Waits in vain, as clients think or those
 * under way take longer, become rare: each further one doubles the number of batches until the next.
 * (PostgreSQL's `commit_delay` and `commit_siblings` do so by settings.)
 */
export class Gathering {
  readonly #clock: Clock;
  readonly #askAgain: () => void;
  /** The most proposals that had no answer at the same time when one could leave, since a wait ended by time. */
  #expected = 0;
  #wait: Wait | undefined;
  /** Batches that leave at once from now on, and how many these were after the last wait in vain. */
  #rest = 0;
  #lastRest = 0;

  /** `askAgain` is called when a wait ends by time. */
  constructor(clock: Clock, askAgain: () => void) {
    this.#clock = clock;
    this.#askAgain = askAgain;
  }

  /**
   * Whether the proposals that wait, one at least, and could leave are to wait for others; if so, a wait begins.
   * `underWayCount`: proposals that left before and have no answer yet.
   */
  holds(waitingCount: number, underWayCount: number): boolean {
    this.#expected = Math.max(this.#expected, waitingCount + underWayCount);
    if (waitingCount >= this.#expected * ENOUGH || this.#rest > 0) return false;
    this.#wait ??= this.#begin(waitingCount);
    return !this.#isOver(this.#wait);
  }

  /** A batch of those that waited leaves. When it leaves early, whatever the reason, the rest is over. */
  onBatch(waitingCount: number, underWayCount: number): void {
    if (this.#rest > 0) this.#rest -= 1;
    if (this.#wait === undefined) return;
    if (this.#isOver(this.#wait)) {
      const isInVain = this.#wasInVain(this.#wait, waitingCount, underWayCount);
      this.#lastRest = isInVain ? Math.min(2 * this.#lastRest + 1, REST_BATCHES_MAX) : 0;
      this.#expected = waitingCount + underWayCount;
    } else this.#lastRest = 0;
    this.#rest = this.#lastRest;
    this.cancel();
  }

  /** Forgets a wait that has begun. */
  cancel(): void {
    this.#wait?.timer.cancel();
    this.#wait = undefined;
  }

  /** Few came, or the missing have no answer yet: these cannot come before they have. */
  #wasInVain(wait: Wait, waitingCount: number, underWayCount: number): boolean {
    const came = waitingCount - wait.waitingCount;
    const hopedFor = this.#expected - wait.waitingCount;
    return came < hopedFor * IN_VAIN || underWayCount > this.#expected - this.#expected * ENOUGH;
  }

  #begin(waitingCount: number): Wait {
    const until = this.#clock.now() + PATIENCE_MS;
    const timer = this.#clock.at(until, () => {
      if (this.#wait !== undefined) this.#wait.until = 0;
      this.#askAgain();
    });
    return { until, waitingCount, timer };
  }

  #isOver({ until }: Wait): boolean {
    return this.#clock.now() >= until;
  }
}

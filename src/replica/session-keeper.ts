import type { Clock } from "../base/index.ts";
import type { Command, KonsulFsm } from "../fsm/index.ts";
import { AttendedClock } from "./attended-clock.ts";
import type { ReadFailure, WriteOutcome } from "./outcome.ts";

export interface SessionKeeperOptions {
  readonly fsm: Pick<KonsulFsm, "sessions">;
  readonly clock: Clock;
  readonly isLeading: () => boolean;
  /** A round with a quorum: this node led after the call began. */
  readonly confirm: () => Promise<ReadFailure | undefined>;
  readonly write: (command: Command) => Promise<WriteOutcome>;
}

export type RenewOutcome =
  | { readonly kind: "renewed" }
  | { readonly kind: "not-found" }
  | { readonly kind: "not-leading" }
  | { readonly kind: "failed"; readonly failure: ReadFailure };

const SWEEP_MS = 200;

/**
 * The leader's part of sessions: who renewed when, in memory. A session ends between one and two TTLs after its last
 * renewal, never before; a new leader gives every session its full TTL again.
 */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  readonly #attended: AttendedClock;
  readonly #renewals = new Map<string, number>();
  /** Sessions whose end is on its way to the log, and when that is decided. */
  readonly #ending = new Map<string, Promise<unknown>>();
  #leadingSince: number | undefined;
  #isStopped = false;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#attended = new AttendedClock(options.clock);
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Counts from the moment of the call. Answered only once a quorum confirmed that this node led after that, and never
   * while the end of the session is being decided: a renewal that was answered keeps the session alive.
   */
  async renew(id: string): Promise<RenewOutcome> {
    const { fsm, confirm, isLeading } = this.#options;
    const at = this.#attended.now();
    if (!isLeading()) return { kind: "not-leading" };
    const failure = await confirm();
    if (failure !== undefined) return { kind: "failed", failure };
    await this.#ending.get(id);
    if (!isLeading()) return { kind: "not-leading" };
    if (fsm.sessions.get(id) === undefined) return { kind: "not-found" };
    this.#renewals.set(id, Math.max(at, this.#renewals.get(id) ?? 0));
    return { kind: "renewed" };
  }

  /** Ends what was not renewed in time; public for tests, which own the clock. */
  sweep(): void {
    this.#attended.tick();
    if (!this.#options.isLeading()) {
      this.#leadingSince = undefined;
      this.#renewals.clear();
      return;
    }
    const now = this.#attended.now();
    const since = (this.#leadingSince ??= now);
    const known = this.#options.fsm.sessions.list();
    for (const { id, row } of known) {
      // A session that is seen for the first time was made since the last sweep: its TTL starts now.
      const last = this.#renewals.get(id) ?? Math.max(since, now);
      if (!this.#renewals.has(id)) this.#renewals.set(id, last);
      if (row.ttlMs > 0 && now - last >= row.ttlMs && !this.#ending.has(id)) this.#end(id);
    }
    if (this.#renewals.size > known.length) this.#forget(new Set(known.map(({ id }) => id)));
  }

  #end(id: string): void {
    const ending = this.#options.write({ kind: "session-destroy", id }).finally(() => this.#ending.delete(id));
    this.#ending.set(id, ending);
  }

  #forget(known: ReadonlySet<string>): void {
    for (const id of this.#renewals.keys()) if (!known.has(id)) this.#renewals.delete(id);
  }

  #schedule(): void {
    const { clock } = this.#options;
    clock.at(clock.now() + SWEEP_MS, () => {
      if (this.#isStopped) return;
      this.sweep();
      this.#schedule();
    });
  }
}

import type { Clock, Term } from "../base/index.ts";
import type { Command, KonsulFsm } from "../fsm/index.ts";
import { AttendedClock } from "./attended-clock.ts";
import type { ReadFailure, WriteOutcome } from "./outcome.ts";

export interface SessionKeeperOptions {
  readonly fsm: Pick<KonsulFsm, "sessions">;
  readonly clock: Clock;
  /** The term that this node leads in; undefined: it does not lead. */
  readonly leadingTerm: () => Term | undefined;
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
  /** Sessions whose end was proposed with an unknown outcome: they may end at any moment, so nobody may rely on them. */
  readonly #doomed = new Set<string>();
  #leading: { readonly term: Term; readonly since: number } | undefined;
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
    const { fsm, confirm, leadingTerm } = this.#options;
    const at = this.#attended.now();
    const term = leadingTerm();
    if (term === undefined) return { kind: "not-leading" };
    const failure = await confirm();
    if (failure !== undefined) return { kind: "failed", failure };
    await this.#ending.get(id);
    if (leadingTerm() !== term) return { kind: "not-leading" };
    if (fsm.sessions.get(id) === undefined) return { kind: "not-found" };
    if (this.#doomed.has(id)) return { kind: "failed", failure: { kind: "timeout" } };
    this.#renewals.set(id, Math.max(at, this.#renewals.get(id) ?? 0));
    return { kind: "renewed" };
  }

  /** Ends what was not renewed in time; public for tests, which own the clock. */
  sweep(): void {
    this.#attended.tick();
    const term = this.#options.leadingTerm();
    const now = this.#attended.now();
    // Others may have led in between, and renewed what this node knows nothing of.
    if (term !== this.#leading?.term) {
      this.#leading = term === undefined ? undefined : { term, since: now };
      this.#renewals.clear();
      this.#doomed.clear();
    }
    if (this.#leading === undefined) return;
    const { since } = this.#leading;
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
    this.#ending.set(id, this.#destroy(id));
  }

  async #destroy(id: string): Promise<void> {
    const { leadingTerm, write } = this.#options;
    const term = leadingTerm();
    try {
      const outcome = await write({ kind: "session-destroy", id });
      if (outcome.kind === "unknown" && leadingTerm() === term) this.#doomed.add(id);
    } finally {
      this.#ending.delete(id);
    }
  }

  #forget(known: ReadonlySet<string>): void {
    for (const ids of [this.#renewals, this.#doomed]) {
      for (const id of ids.keys()) if (!known.has(id)) ids.delete(id);
    }
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

import type { Clock, Term } from "../base/index.ts";
import {
  overallStatus,
  parseServiceKey,
  type Change,
  type CheckStatus,
  type Command,
  type KonsulFsm,
  type ServiceEntry,
  type ServiceRow,
} from "../fsm/index.ts";
import { AttendedClock } from "./attended-clock.ts";
import type { ReadFailure, WriteOutcome } from "./outcome.ts";

export interface RegistryOptions {
  readonly fsm: Pick<KonsulFsm, "services" | "changes">;
  readonly clock: Clock;
  /** The term that this node leads in; undefined: it does not lead. */
  readonly leadingTerm: () => Term | undefined;
  /** A round with a quorum: this node led after the call began. */
  readonly confirm: () => Promise<ReadFailure | undefined>;
  readonly write: (command: Command) => Promise<WriteOutcome>;
  readonly onHeartbeat?: () => void;
  readonly onExpired?: (count: number) => void;
}

export type HeartbeatOutcome =
  | { readonly kind: "renewed"; readonly status: CheckStatus }
  | { readonly kind: "not-found" }
  /** This node does not lead: the write says where to go. */
  | { readonly kind: "not-written"; readonly outcome: Exclude<WriteOutcome, { kind: "done" }> }
  | { readonly kind: "failed"; readonly failure: ReadFailure };

/** An instance, and its last sign of life in attended ms. */
interface Heard extends ServiceEntry {
  readonly key: string;
  readonly at: number;
}

const SWEEP_MS = 200;
const UPDATES_MAX = 1000;

/**
 * The leader's part of the registry: who was heard when. Heartbeats stay in memory, and cost no log entry while the
 * status stays the same; a new leader knows none of them, and gives every instance its full TTL again. Only what
 * expires is written to the log.
 */
export class Registry {
  readonly #options: RegistryOptions;
  /** All instances there are, while this node leads: looking through them is cheap. */
  readonly #heard = new Map<string, Heard>();
  /** Instances whose expiry is on its way to the log. */
  #expiring = new Set<string>();
  /** Instances whose expiry may still come: what keeps them alive must stand behind it in the log. */
  readonly #doubtful = new Set<string>();
  #leadingTerm: Term | undefined;
  readonly #attended: AttendedClock;
  #isStopped = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#attended = new AttendedClock(options.clock);
    options.fsm.changes.onChange((change) => this.#onChange(change));
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Renews the TTL. Answered only once a quorum confirmed that this node led: a deposed leader renews nothing. */
  async heartbeat(name: string, id: string): Promise<HeartbeatOutcome> {
    const { fsm, confirm, leadingTerm, onHeartbeat } = this.#options;
    const term = leadingTerm();
    if (term === undefined) return this.#setPassing(name, id);
    const failure = await confirm();
    if (failure !== undefined) return { kind: "failed", failure };
    const row = fsm.services.get(name, id);
    if (row === undefined) return { kind: "not-found" };
    const key = keyOf(name, id);
    if (this.#leadingTerm === term) this.#hear(name, id, row);
    onHeartbeat?.();
    const isExpiring = this.#expiring.has(key) || this.#doubtful.has(key);
    if (leadingTerm() === term && row.status === "passing" && !isExpiring) {
      return { kind: "renewed", status: "passing" };
    }
    const outcome = await this.#setPassing(name, id);
    if (outcome.kind !== "not-written" && leadingTerm() === term) this.#doubtful.delete(key);
    return outcome;
  }

  /** Looks for instances that were not heard in time; public for tests, which own the clock. */
  async sweep(): Promise<void> {
    this.#attended.tick();
    const term = this.#options.leadingTerm();
    // Others may have led in between, and heard what this node knows nothing of.
    if (term !== this.#leadingTerm) {
      this.#leadingTerm = term;
      this.#doubtful.clear();
      this.#takeOver();
    }
    if (term !== undefined && this.#expiring.size === 0) await this.#expire();
  }

  /** Everybody has just been heard: nobody is charged for what this node could not hear. */
  #takeOver(): void {
    this.#heard.clear();
    if (this.#leadingTerm === undefined) return;
    for (const { name, id, row } of this.#options.fsm.services.list()) this.#hear(name, id, row);
  }

  #onChange(change: Change): void {
    if (this.#leadingTerm === undefined) return;
    if (change.kind === "reset") return this.#takeOver();
    if (change.table !== "services") return;
    const { name, id } = parseServiceKey(change.key);
    const key = keyOf(name, id);
    const before = this.#heard.get(key);
    if (change.kind === "delete") this.#heard.delete(key);
    else if (before === undefined || isSign(change.row, before.row)) this.#hear(name, id, change.row);
    else this.#heard.set(key, { ...before, row: change.row });
  }

  #hear(name: string, id: string, row: ServiceRow): void {
    const key = keyOf(name, id);
    this.#heard.set(key, { key, name, id, row, at: this.#attended.now() });
  }

  async #expire(): Promise<void> {
    const { write, onExpired } = this.#options;
    const late: Heard[] = [];
    const gone: Heard[] = [];
    const now = this.#attended.now();
    for (const heard of this.#heard.values()) {
      const { ttlMs, deregisterAfterMs, status, checks } = heard.row;
      if (ttlMs === 0 && (checks.length === 0 || deregisterAfterMs === 0)) continue;
      const age = now - heard.at;
      if (deregisterAfterMs > 0 && age >= deregisterAfterMs && overallStatus(heard.row) === "critical")
        gone.push(heard);
      else if (ttlMs > 0 && status !== "critical" && age >= ttlMs) late.push(heard);
    }
    const chosen = late.slice(0, UPDATES_MAX);
    const removed = gone.slice(0, UPDATES_MAX);
    this.#expiring = new Set([...chosen, ...removed].map(({ key }) => key));
    try {
      if (chosen.length > 0) {
        // Only what has not changed since: an instance that registers anew in between is not expired.
        const updates = chosen.map(({ name, id, row }) => ({
          name,
          id,
          status: "critical" as const,
          output: `no heartbeat for ${row.ttlMs} ms`,
          ifIndex: row.modifyIndex,
        }));
        const outcome = await write({ kind: "service-status", updates });
        if (outcome.kind === "done") onExpired?.(chosen.length);
        if (outcome.kind === "unknown") {
          for (const { key } of chosen) this.#doubtful.add(key);
        }
      }
      for (const { name, id, row } of removed) {
        await write({ kind: "service-deregister", name, id, ifIndex: row.modifyIndex });
      }
    } finally {
      this.#expiring = new Set();
    }
  }

  async #setPassing(name: string, id: string): Promise<HeartbeatOutcome> {
    const outcome = await this.#options.write(passing(name, id));
    if (outcome.kind !== "done") return { kind: "not-written", outcome };
    const { result } = outcome;
    const isThere = result.kind === "service-status-set" && result.missing === 0;
    return isThere ? { kind: "renewed", status: "passing" } : { kind: "not-found" };
  }

  #schedule(): void {
    const { clock } = this.#options;
    clock.at(clock.now() + SWEEP_MS, () => {
      if (this.#isStopped) return;
      void this.sweep().finally(() => this.#schedule());
    });
  }
}

/** Without a TTL, what counts is how long its checks have been as they are; with one, their results say nothing. */
function isSign(row: ServiceRow, before: ServiceRow): boolean {
  if (row.ttlMs === 0) return true;
  const isOnlyChecked = row.checks.length > 0 && before.checks === row.checks && before.status === row.status;
  return row.status === "passing" && !isOnlyChecked;
}

function passing(name: string, id: string): Command {
  return { kind: "service-status", updates: [{ name, id, status: "passing", output: "" }] };
}

function keyOf(name: string, id: string): string {
  return `${name}\0${id}`;
}

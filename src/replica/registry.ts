import type { Clock } from "../base/index.ts";
import {
  overallStatus,
  parseServiceKey,
  serviceKey,
  type CheckStatus,
  type Command,
  type KonsulFsm,
  type ServiceEntry,
} from "../fsm/index.ts";
import { AttendedClock } from "./attended-clock.ts";
import type { ReadFailure, WriteOutcome } from "./outcome.ts";

export interface RegistryOptions {
  readonly fsm: Pick<KonsulFsm, "services" | "changes">;
  readonly clock: Clock;
  readonly isLeading: () => boolean;
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

const SWEEP_MS = 200;
const UPDATES_MAX = 1000;

/**
 * The leader's part of the registry: who was heard when. Heartbeats stay in memory, and cost no log entry while the
 * status stays the same; a new leader knows none of them, and gives every instance its full TTL again. Only what
 * expires is written to the log.
 */
export class Registry {
  readonly #options: RegistryOptions;
  /** Attended time of the last heartbeat, by service key. */
  readonly #beats = new Map<string, number>();
  /** Instances whose expiry is on its way to the log. */
  #expiring = new Set<string>();
  #leadingSince: number | undefined;
  readonly #attended: AttendedClock;
  #isStopped = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#attended = new AttendedClock(options.clock);
    options.fsm.changes.onChange((change) => {
      if (change.kind === "reset") this.#beats.clear();
      else if (change.table !== "services") return;
      else if (change.kind === "delete") this.#beats.delete(nameOf(change.key));
      // Without a TTL, what counts is how long its checks have been as they are.
      else if (change.row.status === "passing" || change.row.ttlMs === 0)
        this.#beats.set(nameOf(change.key), this.#attended.now());
    });
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Renews the TTL. Answered only once a quorum confirmed that this node led: a deposed leader renews nothing. */
  async heartbeat(name: string, id: string): Promise<HeartbeatOutcome> {
    const { fsm, confirm, isLeading, write, onHeartbeat } = this.#options;
    if (!isLeading()) return this.#setPassing(name, id);
    const failure = await confirm();
    if (failure !== undefined) return { kind: "failed", failure };
    const row = fsm.services.get(name, id);
    if (row === undefined) return { kind: "not-found" };
    const key = nameOf(serviceKey(name, id));
    this.#beats.set(key, this.#attended.now());
    onHeartbeat?.();
    if (isLeading() && row.status === "passing" && !this.#expiring.has(key)) {
      return { kind: "renewed", status: "passing" };
    }
    const outcome = await write(passing(name, id));
    return outcome.kind === "done" ? { kind: "renewed", status: "passing" } : { kind: "not-written", outcome };
  }

  /** Looks for instances that were not heard in time; public for tests, which own the clock. */
  async sweep(): Promise<void> {
    this.#attended.tick();
    if (!this.#options.isLeading()) {
      this.#leadingSince = undefined;
      return;
    }
    if (this.#leadingSince === undefined) {
      this.#leadingSince = this.#attended.now();
      this.#beats.clear();
    }
    if (this.#expiring.size === 0) await this.#expire(this.#leadingSince);
  }

  async #expire(since: number): Promise<void> {
    const { fsm, write, onExpired } = this.#options;
    const late: ServiceEntry[] = [];
    const gone: ServiceEntry[] = [];
    for (const entry of fsm.services.list()) {
      const { ttlMs, deregisterAfterMs, status, checks } = entry.row;
      if (ttlMs === 0 && (checks.length === 0 || deregisterAfterMs === 0)) continue;
      const beat = this.#beats.get(nameOf(serviceKey(entry.name, entry.id))) ?? since;
      const age = this.#attended.now() - beat;
      if (deregisterAfterMs > 0 && age >= deregisterAfterMs && overallStatus(entry.row) === "critical") {
        gone.push(entry);
      } else if (ttlMs > 0 && status !== "critical" && age >= ttlMs) late.push(entry);
    }
    const chosen = late.slice(0, UPDATES_MAX);
    const removed = gone.slice(0, UPDATES_MAX);
    this.#expiring = new Set([...chosen, ...removed].map(({ name, id }) => nameOf(serviceKey(name, id))));
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

function passing(name: string, id: string): Command {
  return { kind: "service-status", updates: [{ name, id, status: "passing", output: "" }] };
}

function nameOf(key: Uint8Array): string {
  const { name, id } = parseServiceKey(key);
  return `${name}\0${id}`;
}

import { fromUtf8 } from "../../../src/base/index.ts";
import { decodeCommand, type Change, type Command, type FsmResult } from "../../../src/fsm/index.ts";
import type { Entry } from "../../../src/raft/index.ts";
import type { Fail } from "../invariants/reporter.ts";

/** Gain of a leader's clock that one jump of it may cost: what a tick counts at most. */
const JUMP_MS = 250;

interface Lease {
  readonly ttlMs: number;
  /** Simulated time of the last renewal that was answered, when it was sent. */
  renewedAt: number;
  /** Its owner lets it end, or ends it. */
  isGivenUp: boolean;
  endedAt: number | undefined;
}

export interface LedgerOptions {
  readonly now: () => number;
  readonly fail: Fail;
  /** Clock rates differ from 1 by at most this much. */
  readonly driftMax: number;
}

/**
 * What clients of sessions, locks, services and idempotency keys were told, against what the log says: nothing ends
 * early, locks have one holder and rising tokens, and what is repeated under a key happens once.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #sessions = new Map<string, Lease>();
  readonly #instances = new Map<string, Lease>();
  /** Who holds a key, by the log alone. */
  readonly #holders = new Map<string, string>();
  readonly #tokens = new Map<string, number>();
  readonly #delays = new Map<string, number>();
  readonly #delayOf = new Map<string, number>();
  /** Who believes to hold a key, and may. */
  readonly #believed = new Map<string, string>();
  readonly #effects = new Map<string, number>();
  readonly #jumps: number[] = [];
  #appliedIndex = 0;
  #renewals = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  onClockJump(): void {
    this.#jumps.push(this.#options.now());
  }

  sessionCreated(id: string, ttlMs: number, sentAt: number): void {
    const known = this.#sessions.get(id);
    const lease = { ttlMs, renewedAt: sentAt, isGivenUp: false, endedAt: known?.endedAt };
    this.#sessions.set(id, lease);
    this.#checkNotEarly("session", id, lease);
  }

  sessionRenewed(id: string, sentAt: number): void {
    const lease = this.#sessions.get(id);
    if (lease === undefined) return;
    lease.renewedAt = Math.max(lease.renewedAt, sentAt);
    this.#checkNotEarly("session", id, lease);
  }

  /** Some client waits for the answer to a renewal. */
  get isRenewing(): boolean {
    return this.#renewals > 0;
  }

  async whileRenewing<T>(renewal: Promise<T>): Promise<T> {
    this.#renewals += 1;
    try {
      return await renewal;
    } finally {
      this.#renewals -= 1;
    }
  }

  hasEndedSince(session: string, since: number): boolean {
    return (this.#sessions.get(session)?.endedAt ?? -Infinity) >= since;
  }

  sessionGivenUp(id: string): void {
    const lease = this.#sessions.get(id);
    if (lease !== undefined) lease.isGivenUp = true;
    for (const [key, holder] of this.#believed) if (holder === id) this.#believed.delete(key);
  }

  acquired(key: string, session: string): void {
    const before = this.#believed.get(key);
    const lease = before === undefined ? undefined : this.#sessions.get(before);
    if (before !== session && lease !== undefined && !lease.isGivenUp && this.#options.now() < this.#safeUntil(lease)) {
      this.#options.fail("one holder", `${session} got the lock ${key} while ${before ?? ""} could believe to have it`);
    }
    this.#believed.set(key, session);
  }

  releasing(key: string, session: string): void {
    if (this.#believed.get(key) === session) this.#believed.delete(key);
  }

  /** A heartbeat or a registration was answered. */
  beaten(instance: string, ttlMs: number, sentAt: number): void {
    const known = this.#instances.get(instance);
    const renewedAt = Math.max(sentAt, known?.renewedAt ?? 0);
    this.#instances.set(instance, { ttlMs, renewedAt, isGivenUp: false, endedAt: undefined });
  }

  instanceGivenUp(instance: string): void {
    this.#instances.delete(instance);
  }

  /** A write under an idempotency key was answered. */
  doneOnce(value: string, index: number): void {
    const effect = this.#effects.get(value);
    if (effect !== index) {
      const where = effect === undefined ? "nowhere" : `at ${effect}`;
      this.#options.fail("done once", `${value} is said to be done at ${index}, and the log has it ${where}`);
    }
  }

  /** Of any process; changes are the same everywhere. */
  onChange(change: Change): void {
    if (change.kind !== "put") return;
    // Only where it is news: a node that is behind tells of the past.
    const isFirst = change.index > this.#appliedIndex;
    if (isFirst && change.table === "services" && change.row.status === "critical") {
      const instance = fromUtf8(change.key);
      const lease = this.#instances.get(instance);
      if (lease !== undefined) this.#checkNotEarly("instance", instance, { ...lease, endedAt: this.#options.now() });
    }
    if (change.table !== "kv" || !fromUtf8(change.key).startsWith("once/")) return;
    const value = fromUtf8(change.row.value);
    const before = this.#effects.get(value) ?? change.index;
    if (before !== change.index) {
      this.#options.fail("done once", `${value} is written at ${before} and again at ${change.index}`);
    }
    this.#effects.set(value, change.index);
  }

  /** Each committed entry once, at the first node that applies it. */
  onApplied(entry: Entry, result: unknown): void {
    if (entry.index <= this.#appliedIndex) return;
    this.#appliedIndex = entry.index;
    if (entry.kind !== "command") return;
    const command = decodeCommand(entry.data);
    if (isResult(result)) this.#follow(entry, command, result);
  }

  #follow({ index, time }: Entry, command: Command, result: FsmResult): void {
    if (command.kind === "session-create" && result.kind === "session-created") {
      this.#delayOf.set(command.id, command.terms.lockDelayMs);
    }
    if (command.kind === "session-destroy" && result.kind === "session-destroyed") this.#ended(command.id, time);
    if (command.kind === "lock-release" && result.kind === "lock-released") this.#holders.delete(fromUtf8(command.key));
    if (command.kind !== "lock-acquire" || result.kind !== "lock-acquired") return;
    const key = fromUtf8(command.key);
    const { session } = command;
    const holder = this.#holders.get(key);
    const { fail } = this.#options;
    if (holder !== undefined && holder !== session)
      fail("one holder", `${session} takes ${key} from ${holder} at ${index}`);
    if (!this.#delayOf.has(session)) fail("one holder", `${session} takes ${key} at ${index} and is no session`);
    const until = this.#delays.get(key) ?? 0;
    if (holder === undefined && time < until)
      fail("lock delay", `${session} takes ${key} ${until - time} ms too early`);
    const token = this.#tokens.get(key) ?? 0;
    const isSame = holder === session;
    if (isSame ? result.lockIndex !== token : result.lockIndex <= token) {
      fail("tokens rise", `${key} got the token ${result.lockIndex} after ${token}`);
    }
    this.#holders.set(key, session);
    this.#tokens.set(key, result.lockIndex);
  }

  #ended(id: string, time: number): void {
    const delayMs = this.#delayOf.get(id) ?? 0;
    this.#delayOf.delete(id);
    for (const [key, holder] of this.#holders) {
      if (holder !== id) continue;
      this.#holders.delete(key);
      if (delayMs > 0) this.#delays.set(key, time + delayMs);
    }
    const lease = this.#sessions.get(id) ?? { ttlMs: 0, renewedAt: -Infinity, isGivenUp: false, endedAt: undefined };
    lease.endedAt = this.#options.now();
    this.#sessions.set(id, lease);
    this.#checkNotEarly("session", id, lease);
  }

  #checkNotEarly(what: string, id: string, lease: Lease): void {
    if (lease.endedAt === undefined || lease.isGivenUp || lease.endedAt >= this.#safeUntil(lease)) return;
    const { endedAt, renewedAt, ttlMs } = lease;
    this.#options.fail(
      "nothing ends early",
      `the ${what} ${id} with a TTL of ${ttlMs} ms was renewed at ${renewedAt} and ended at ${endedAt}`,
    );
  }

  /** Until then nobody may end it: a leader's clock may be fast, and jump. */
  #safeUntil({ ttlMs, renewedAt }: Lease): number {
    const jumps = this.#jumps.filter((at) => at >= renewedAt - ttlMs).length;
    return renewedAt + ttlMs / (1 + this.#options.driftMax) - JUMP_MS * jumps - 1;
  }
}

function isResult(result: unknown): result is FsmResult {
  return typeof result === "object" && result !== null && "kind" in result;
}

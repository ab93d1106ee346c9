import type { Clock, LogIndex, MemberKey } from "../base/index.ts";
import { encodeCommand, type Command, type FsmResult, type KonsulFsm, type KvScope } from "../fsm/index.ts";
import type { ChangeOutcome, Member, NodeStatus, ProposeOutcome, RaftNode, SnapshotOutcome } from "../node/index.ts";
import type { ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
import { Watchers } from "./watchers.ts";

export interface ReplicaLimits {
  readonly requestTimeoutMs: number;
  readonly waitMsMax: number;
  readonly watchersMax: number;
}

export interface ReplicaOptions {
  readonly node: RaftNode;
  readonly fsm: KonsulFsm;
  readonly clock: Clock;
  readonly limits: ReplicaLimits;
}

/** How a read wants to be answered. Without anything: from this node's state, at once. */
export interface ReadTerms {
  /** Linearizable. */
  readonly isConsistent: boolean;
  /** This node must have applied at least this. */
  readonly minIndex?: LogIndex;
  /** The leader must have been heard within this. */
  readonly staleMsMax?: number;
  /** Waits until something in the scope changed after `index`, at most `waitMs`. */
  readonly blocking?: { readonly scope: KvScope; readonly index: LogIndex; readonly waitMs: number };
  /** The client went away. */
  readonly signal?: AbortSignal;
}

/** How this node stands, for the headers of every answer; a few ms old at most. */
export interface Stance {
  readonly appliedIndex: LogIndex;
  readonly hasLeader: boolean;
  readonly lastContactMs: number;
}

const STANCE_MS_MAX = 10;

/** This node's copy as the application sees it. */
export class Replica {
  readonly fsm: KonsulFsm;
  readonly #options: ReplicaOptions;
  readonly #watchers = new Watchers();
  #isStopping = false;
  #stance: { readonly at: number; readonly hasLeader: boolean; readonly contactAt: number };

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.fsm = options.fsm;
    this.#stance = { at: -Infinity, hasLeader: false, contactAt: -Infinity };
    this.fsm.changes.onChange((change) => this.#watchers.onChange(change));
  }

  get watcherCount(): number {
    return this.#watchers.count;
  }

  status(): NodeStatus {
    return this.#options.node.status();
  }

  stance(): Stance {
    const now = this.#options.clock.now();
    if (now - this.#stance.at > STANCE_MS_MAX) {
      const { core } = this.status();
      const isLeader = core.role === "leader";
      this.#stance = {
        at: now,
        hasLeader: core.leader !== undefined,
        contactAt: isLeader ? Infinity : core.leaderContact,
      };
    }
    const { hasLeader, contactAt } = this.#stance;
    const lastContactMs = contactAt === Infinity ? 0 : Math.max(0, now - contactAt);
    return { appliedIndex: this.fsm.appliedIndex, hasLeader, lastContactMs };
  }

  /** The member that leads, as far as this node knows. */
  leader(): Member | undefined {
    const { core } = this.status();
    return core.leader === undefined ? undefined : core.membership.members.get(core.leader);
  }

  async write(command: Command): Promise<WriteOutcome> {
    if (this.#isStopping) return { kind: "refused", refusal: { kind: "shutting-down" } };
    const { node, clock, limits } = this.#options;
    const bytes = encodeCommand(command);
    return new Promise((resolve) => {
      node.propose(bytes, clock.now() + limits.requestTimeoutMs, (outcome) => resolve(this.#toWriteOutcome(outcome)));
    });
  }

  /** Undefined: the state may be read now, synchronously. */
  async prepareRead(terms: ReadTerms): Promise<ReadFailure | undefined> {
    const { condition } = this.status();
    if (condition.kind === "untrusted" || condition.kind === "halted") {
      return { kind: "untrusted", reason: condition.reason };
    }
    if (this.#isStopping) return { kind: "shutting-down" };
    if (terms.staleMsMax !== undefined) {
      const { hasLeader, lastContactMs } = this.stance();
      if (!hasLeader || lastContactMs > terms.staleMsMax) return { kind: "stale", lastContactMs };
    }
    const failure = terms.minIndex === undefined ? undefined : await this.#waitApplied(terms.minIndex);
    if (failure !== undefined) return failure;
    if (terms.blocking !== undefined) {
      const blocked = await this.#waitForChange(terms.blocking, terms.signal);
      if (blocked !== undefined) return blocked;
    }
    return terms.isConsistent ? this.#readPoint() : undefined;
  }

  async takeSnapshot(): Promise<SnapshotOutcome> {
    return new Promise((resolve) => this.#options.node.takeSnapshot(resolve));
  }

  /** Moves leadership to this member, or to the one that fits best. */
  async transfer(to: MemberKey | undefined): Promise<ChangeOutcome> {
    const { node, clock, limits } = this.#options;
    return new Promise((resolve) => node.transfer(to, clock.now() + limits.requestTimeoutMs, resolve));
  }

  /** Wakes every waiting read; from now on nothing new is taken. */
  stop(): void {
    this.#isStopping = true;
    this.#watchers.wakeAll();
  }

  async #readPoint(): Promise<ReadFailure | undefined> {
    const { node, clock, limits } = this.#options;
    return new Promise((resolve) => {
      node.readPoint(clock.now() + limits.requestTimeoutMs, (outcome) => {
        if (outcome.kind === "ready") resolve(undefined);
        else if (outcome.kind === "stopping") resolve({ kind: "shutting-down" });
        else resolve(outcome);
      });
    });
  }

  async #waitApplied(index: LogIndex): Promise<ReadFailure | undefined> {
    if (index <= this.fsm.appliedIndex) return undefined;
    const { node, clock, limits } = this.#options;
    return new Promise((resolve) => {
      node.waitApplied(index, clock.now() + limits.requestTimeoutMs, (isApplied) =>
        resolve(isApplied ? undefined : { kind: "timeout" }),
      );
    });
  }

  async #waitForChange(
    blocking: NonNullable<ReadTerms["blocking"]>,
    signal: AbortSignal | undefined,
  ): Promise<ReadFailure | undefined> {
    const { clock, limits } = this.#options;
    const { scope, index } = blocking;
    // Index 0 means "as it is now"; what changed already is not waited for.
    if (index === 0 || this.fsm.kv.hasChangedSince(scope, index)) return undefined;
    if (this.#watchers.count >= limits.watchersMax) return { kind: "too-many-watchers" };
    const waitMs = Math.min(blocking.waitMs, limits.waitMsMax);
    return new Promise((resolve) => {
      const end = (): void => {
        remove();
        timer.cancel();
        signal?.removeEventListener("abort", end);
        resolve(this.#isStopping ? { kind: "shutting-down" } : undefined);
      };
      const timer = clock.at(clock.now() + waitMs, end);
      // Registered in the same tick as the check above: no change can fall between the two.
      const remove = this.#watchers.add(scope, end);
      signal?.addEventListener("abort", end);
    });
  }

  #toWriteOutcome(outcome: ProposeOutcome): WriteOutcome {
    if (outcome.kind === "applied") return { kind: "done", index: outcome.index, result: toFsmResult(outcome.result) };
    if (outcome.kind === "unknown") return outcome;
    return { kind: "refused", refusal: this.#toRefusal(outcome.refusal) };
  }

  #toRefusal(refusal: Extract<ProposeOutcome, { kind: "refused" }>["refusal"]): WriteRefusal {
    switch (refusal.kind) {
      case "not-leader": {
        const leader =
          refusal.leader === undefined ? undefined : this.status().core.membership.members.get(refusal.leader);
        return leader === undefined ? { kind: "no-leader" } : { kind: "not-leader", leader };
      }
      case "overloaded":
      case "disk-full":
      case "untrusted":
        return refusal;
      case "stopping":
        return { kind: "shutting-down" };
      case "transfer-in-progress":
      case "rejected":
        return { kind: "no-leader" };
      default:
        return { kind: "no-leader" };
    }
  }
}

/** The node passes on what the state machine gave it. */
function toFsmResult(result: unknown): FsmResult {
  if (isFsmResult(result)) return result;
  throw new TypeError("The state machine gave a result without a kind");
}

function isFsmResult(result: unknown): result is FsmResult {
  return typeof result === "object" && result !== null && "kind" in result;
}

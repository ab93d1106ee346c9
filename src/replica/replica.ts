import { CLUSTER_VERSION_MIN, type Clock, type LogIndex, type MemberKey, type Term } from "../base/index.ts";
import {
  commandSince,
  encodeCommand,
  type Command,
  type FsmResult,
  type KonsulFsm,
  type StateScope,
} from "../fsm/index.ts";
import type {
  ChangeOutcome,
  Member,
  MembershipChange,
  NodeStatus,
  ProposeOutcome,
  RaftNode,
  SnapshotOutcome,
} from "../node/index.ts";
import type { Span, Tracing } from "../telemetry/index.ts";
import type { MembershipOutcome, ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
import { ParkedReads } from "./parked-reads.ts";
import { Vigil, type Stance } from "./vigil.ts";
import { Watchers } from "./watchers.ts";

export interface ReplicaLimits {
  readonly requestTimeoutMs: number;
  readonly waitMsMax: number;
  readonly watchersMax: number;
  readonly stateBytesMax: number;
}

export interface ReplicaOptions {
  readonly node: RaftNode;
  readonly fsm: KonsulFsm;
  readonly clock: Clock;
  readonly limits: ReplicaLimits;
  /** There is none while tracing is off. */
  readonly tracing?: Tracing;
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
  readonly blocking?: {
    readonly scope: StateScope;
    readonly index: LogIndex;
    readonly waitMs: number;
    /** The wait is over, and nothing in the scope changed after `index` up to and including `upTo`. */
    readonly onUnchanged?: (upTo: LogIndex) => void;
  };
  /** The client went away. */
  readonly signal?: AbortSignal;
}

/** Rejections of a membership change that pass by themselves in a moment. */
const PASSING: ReadonlySet<string> = new Set(["change-in-progress", "no-own-term-commit", "joint"]);
const RETRY_MS = 50;
/** A leader that has just won has not heard everybody yet: only after this it says that the quorum would be lost. */
export const CONTACT_MS = 1500;

/** Commands that may add rows; a transaction may, so it counts. */
const GROWING: ReadonlySet<Command["kind"]> = new Set([
  "kv-set",
  "kv-txn",
  "lock-acquire",
  "service-register",
  "session-create",
  "acl-policy-set",
  "acl-token-create",
  "restore-chunk",
]);

/** This node's copy as the application sees it. */
export class Replica {
  readonly fsm: KonsulFsm;
  readonly #options: ReplicaOptions;
  readonly #watchers = new Watchers();
  readonly #parked: ParkedReads;
  readonly #vigil: Vigil;
  #isStopping = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.fsm = options.fsm;
    this.#parked = new ParkedReads(options.limits.watchersMax);
    this.#vigil = new Vigil(options.node, options.clock);
    this.fsm.changes.onChange((change) => this.#watchers.onChange(change));
  }

  /** Reads that wait. */
  get watcherCount(): number {
    return this.#parked.count;
  }

  status(): NodeStatus {
    return this.#options.node.status();
  }

  /** Bytes of the log on disk: asks the file system. */
  logSizeBytes(): number {
    return this.#options.node.logSizeBytes();
  }

  /** The term that this node leads in; undefined: it does not lead. */
  leadingTerm(): Term | undefined {
    const { role, term } = this.status().core;
    return role === "leader" ? term : undefined;
  }

  stance(): Stance {
    return this.#vigil.stance(this.fsm.appliedIndex);
  }

  /** Since its start, this node has once applied all that the leader had committed. */
  hasCaughtUp(): boolean {
    return this.#vigil.hasCaughtUp();
  }

  /** For how long this node has not applied what it knew to be committed, in ms. */
  lagMs(): number {
    return this.#vigil.lagMs();
  }

  /** Leaders that came up in the last five minutes, as this node saw it. */
  recentLeaders(): number {
    return this.#vigil.recentLeaders();
  }

  /** The member that leads, as far as this node knows. */
  leader(): Member | undefined {
    const { core } = this.status();
    return core.leader === undefined ? undefined : core.membership.members.get(core.leader);
  }

  /** What the members agreed to write: committed, so it never falls again. */
  clusterVersion(): number {
    return this.status().core.committedMembership.clusterVersion;
  }

  /** Why this node cannot answer what only the leader can, and who can. */
  whereToWrite(): WriteRefusal {
    const leader = this.leader();
    return leader === undefined ? { kind: "no-leader" } : { kind: "not-leader", leader };
  }

  /** `onceKey`: a repetition under this key gets the first result instead of another effect. */
  async write(command: Command, onceKey?: string): Promise<WriteOutcome> {
    if (this.#isStopping) return { kind: "refused", refusal: { kind: "shutting-down" } };
    const { node, clock, limits } = this.#options;
    const stateBytes = this.fsm.stateBytes();
    if (stateBytes >= limits.stateBytesMax && GROWING.has(command.kind)) {
      return { kind: "refused", refusal: { kind: "state-full", stateBytes, stateBytesMax: limits.stateBytesMax } };
    }
    const needs = commandSince(command.kind);
    // Only the leader knows for sure; others are told that they do not lead.
    if (needs > CLUSTER_VERSION_MIN && this.leadingTerm() !== undefined && needs > this.clusterVersion()) {
      return { kind: "refused", refusal: { kind: "cluster-version", needs, has: this.clusterVersion() } };
    }
    const inner = encodeCommand(command);
    const bytes = onceKey === undefined ? inner : encodeCommand({ kind: "once", key: onceKey, command: inner });
    const deadline = clock.now() + limits.requestTimeoutMs;
    const span = this.#spanWithin("raft.propose");
    const outcome = await new Promise<ProposeOutcome>((resolve) => {
      node.propose(bytes, deadline, resolve, span?.traceparent);
    });
    if (span !== undefined) endProposal(span, outcome, bytes.length);
    return this.#toWriteOutcome(outcome);
  }

  /**
   * Undefined: the state may be read now, synchronously. A plain read gets its answer at once, without a promise:
   * that is what makes it cheap.
   */
  prepareRead(terms: ReadTerms): ReadFailure | undefined | Promise<ReadFailure | undefined> {
    const failure = this.#cannotRead(terms);
    if (failure !== undefined) return failure;
    const isPlain = !terms.isConsistent && terms.blocking === undefined;
    return isPlain && this.#hasApplied(terms.minIndex) ? undefined : this.#awaitRead(terms);
  }

  async takeSnapshot(): Promise<SnapshotOutcome> {
    return new Promise((resolve) => this.#options.node.takeSnapshot(resolve));
  }

  /** Moves leadership to this member, or to the one that fits best. */
  async transfer(to: MemberKey | undefined): Promise<MembershipOutcome> {
    const { node } = this.#options;
    return this.#patiently((deadline, done) => node.transfer(to, deadline, done));
  }

  /** All changes together or none. */
  async change(changes: readonly MembershipChange[]): Promise<MembershipOutcome> {
    const { node } = this.#options;
    return this.#patiently((deadline, done) => node.change({ changes }, deadline, done));
  }

  /** Wakes every waiting read; from now on nothing new is taken. */
  stop(): void {
    this.#isStopping = true;
    this.#parked.stopAll();
  }

  #cannotRead({ staleMsMax }: ReadTerms): ReadFailure | undefined {
    const { condition } = this.#vigil;
    if (condition.kind === "untrusted" || condition.kind === "halted") {
      return { kind: "untrusted", reason: condition.reason };
    }
    if (this.#isStopping) return { kind: "shutting-down" };
    if (staleMsMax === undefined) return undefined;
    const { hasLeader, lastContactMs } = this.stance();
    return !hasLeader || lastContactMs > staleMsMax ? { kind: "stale", lastContactMs } : undefined;
  }

  /**
   * A state at index 0 is that of a new node, or half of a snapshot that is being restored: never an answer, so every
   * read wants at least index 1.
   */
  #hasApplied(minIndex = 1): boolean {
    return this.fsm.appliedIndex >= Math.max(1, minIndex);
  }

  async #awaitRead(terms: ReadTerms): Promise<ReadFailure | undefined> {
    const { minIndex, blocking, signal, isConsistent } = terms;
    const late = this.#hasApplied(minIndex) ? undefined : await this.#waitApplied(minIndex, signal);
    if (late !== undefined) return late;
    const unchanged = blocking === undefined ? undefined : await this.#waitForChange(blocking, signal);
    if (unchanged !== undefined) return unchanged;
    const unconfirmed = isConsistent ? await this.#readPoint() : undefined;
    if (unconfirmed !== undefined) return unconfirmed;
    // While it waited, the node may have lost its disk, or begun to restore a snapshot.
    return this.#cannotRead(terms) ?? (this.#hasApplied(minIndex) ? undefined : this.#waitApplied(minIndex, signal));
  }

  async #readPoint(): Promise<ReadFailure | undefined> {
    const { node, clock, limits } = this.#options;
    const span = this.#spanWithin("raft.read");
    return new Promise((resolve) => {
      node.readPoint(clock.now() + limits.requestTimeoutMs, (outcome) => {
        span?.end(
          outcome.kind === "ready" ? { "raft.index": outcome.index, "raft.term": this.status().core.term } : {},
          outcome.kind === "ready" ? undefined : outcome.kind,
        );
        if (outcome.kind === "ready") resolve(undefined);
        else if (outcome.kind === "stopping") resolve({ kind: "shutting-down" });
        else resolve(outcome);
      });
    });
  }

  /** A span inside of the one around this call, if that is recorded. */
  #spanWithin(name: string): Span | undefined {
    const { tracing } = this.#options;
    const parent = tracing?.active();
    return parent?.isRecorded === true ? tracing?.start(name, { parent: parent.traceparent }) : undefined;
  }

  async #waitApplied(minIndex = 1, signal?: AbortSignal): Promise<ReadFailure | undefined> {
    const { node, clock, limits } = this.#options;
    return this.#parked.park({
      signal,
      arm: (end) => {
        const deadline = clock.now() + limits.requestTimeoutMs;
        node.waitApplied(Math.max(1, minIndex), deadline, (isApplied) => {
          end(isApplied ? undefined : (this.#cannotRead({ isConsistent: false }) ?? { kind: "timeout" }));
        });
        return () => undefined;
      },
    });
  }

  async #waitForChange(
    { scope, index, waitMs, onUnchanged }: NonNullable<ReadTerms["blocking"]>,
    signal: AbortSignal | undefined,
  ): Promise<ReadFailure | undefined> {
    const { clock, limits } = this.#options;
    // Index 0 means "as it is now"; what changed already is not waited for.
    if (index === 0 || this.fsm.hasChangedSince(scope, index)) return undefined;
    return this.#parked.park({
      signal,
      arm: (end) => {
        let isTimeUp = false;
        const timer = clock.at(clock.now() + Math.min(waitMs, limits.waitMsMax), () => {
          isTimeUp = true;
          end();
        });
        // Registered in the same tick as the check above: no change can fall between the two.
        const remove = this.#watchers.add(scope, () => end());
        return () => {
          timer.cancel();
          remove();
          // What ends it otherwise may do so in the middle of the entry just applied: a change, or of rights.
          onUnchanged?.(Math.max(index, this.fsm.appliedIndex - (isTimeUp ? 0 : 1)));
        };
      },
    });
  }

  #toWriteOutcome(outcome: ProposeOutcome): WriteOutcome {
    if (outcome.kind === "applied") return { kind: "done", index: outcome.index, result: toFsmResult(outcome.result) };
    if (outcome.kind === "unknown") return outcome;
    return { kind: "refused", refusal: this.#toRefusal(outcome.refusal) };
  }

  /** Tries again while another change is under way; whatever was appended is never tried again. */
  async #patiently(
    attempt: (deadline: number, done: (outcome: ChangeOutcome) => void) => void,
  ): Promise<MembershipOutcome> {
    const { clock, limits } = this.#options;
    const startedAt = clock.now();
    const deadline = startedAt + limits.requestTimeoutMs;
    for (;;) {
      const outcome = await new Promise<ChangeOutcome>((resolve) => attempt(deadline, resolve));
      if (outcome.kind === "ok") return { kind: "done" };
      if (outcome.kind === "unknown") return outcome;
      const { refusal } = outcome;
      const code = refusal.kind === "rejected" ? refusal.code : "";
      const isEarly = code === "would-lose-quorum" && clock.now() - startedAt < CONTACT_MS;
      const isBusy = refusal.kind === "transfer-in-progress" || PASSING.has(code) || isEarly;
      if (!isBusy || clock.now() + RETRY_MS > deadline || this.#isStopping) {
        return refusal.kind === "rejected" ? refusal : { kind: "refused", refusal: this.#toRefusal(refusal) };
      }
      await new Promise<void>((resolve) => void clock.at(clock.now() + RETRY_MS, resolve));
    }
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

function endProposal(span: Span, outcome: ProposeOutcome, bytes: number): void {
  const fields = { "raft.bytes": bytes, "raft.outcome": outcome.kind };
  if (outcome.kind === "applied") span.end({ ...fields, "raft.index": outcome.index, "raft.term": outcome.term });
  else if (outcome.kind === "unknown") span.end(fields, outcome.reason);
  // On a follower that is no failure: the write goes on from here to the leader.
  else if (outcome.refusal.kind === "not-leader") span.end({ ...fields, "raft.refusal": outcome.refusal.kind });
  else span.end(fields, outcome.refusal.kind);
}

/** The node passes on what the state machine gave it. */
function toFsmResult(result: unknown): FsmResult {
  if (isFsmResult(result)) return result;
  throw new TypeError("The state machine gave a result without a kind");
}

function isFsmResult(result: unknown): result is FsmResult {
  return typeof result === "object" && result !== null && "kind" in result;
}

import { CLUSTER_VERSION_MIN, type MemberKey, type Term } from "../base/index.ts";
import { commandSince, encodeCommand, type Command, type FsmResult, type KonsulFsm } from "../fsm/index.ts";
import type {
  ChangeOutcome,
  Member,
  MembershipChange,
  NodeStatus,
  ProposeOutcome,
  SnapshotOutcome,
} from "../node/index.ts";
import type { MembershipOutcome, ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
import { Reads, type ReadTerms } from "./reads.ts";
import type { ReplicaOptions } from "./replica-options.ts";
import { retryChange } from "./retry-change.ts";
import { endProposal, spanWithin } from "./spans.ts";
import { Vigil, type Stance } from "./vigil.ts";

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
  readonly #vigil: Vigil;
  readonly #reads: Reads;
  #isStopping = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.fsm = options.fsm;
    this.#vigil = new Vigil(options.node, options.clock);
    this.#reads = new Reads(options, this.#vigil);
  }

  /** Reads that wait. */
  get watcherCount(): number {
    return this.#reads.waitingCount;
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
  write(command: Command, onceKey?: string): Promise<WriteOutcome> {
    // The only promise between the node and whoever waits: each one more costs a turn of the queue.
    return new Promise((resolve, reject) => {
      const refusal = this.#refusalOf(command);
      if (refusal !== undefined) return resolve({ kind: "refused", refusal });
      const { node, clock, limits, tracing } = this.#options;
      const inner = encodeCommand(command);
      const bytes = onceKey === undefined ? inner : encodeCommand({ kind: "once", key: onceKey, command: inner });
      const deadline = clock.now() + limits.requestTimeoutMs;
      const span = spanWithin(tracing, "raft.propose");
      const done = (outcome: ProposeOutcome): void => {
        // Called in the middle of the node's turn, which must never see what goes wrong here.
        try {
          if (span !== undefined) endProposal(span, outcome, bytes.length);
          resolve(this.#toWriteOutcome(outcome));
        } catch (cause) {
          reject(cause);
        }
      };
      node.propose(bytes, deadline, done, span?.traceparent);
    });
  }

  /** Undefined: the state may be read now, synchronously. */
  prepareRead(terms: ReadTerms): ReadFailure | undefined | Promise<ReadFailure | undefined> {
    return this.#reads.prepare(terms);
  }

  /** Whether `prepareRead` would allow a read that asks for nothing, and at once. */
  canReadAtOnce(): boolean {
    return this.#reads.canReadAtOnce();
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
    this.#reads.stop();
  }

  /** Why the command is not even proposed. */
  #refusalOf({ kind }: Command): WriteRefusal | undefined {
    if (this.#isStopping) return { kind: "shutting-down" };
    const { stateBytesMax } = this.#options.limits;
    const stateBytes = this.fsm.stateBytes();
    if (stateBytes >= stateBytesMax && GROWING.has(kind)) return { kind: "state-full", stateBytes, stateBytesMax };
    const needs = commandSince(kind);
    // Only the leader knows for sure; others are told that they do not lead.
    if (needs > CLUSTER_VERSION_MIN && this.leadingTerm() !== undefined && needs > this.clusterVersion()) {
      return { kind: "cluster-version", needs, has: this.clusterVersion() };
    }
    return undefined;
  }

  #toWriteOutcome(outcome: ProposeOutcome): WriteOutcome {
    if (outcome.kind === "applied") return { kind: "done", index: outcome.index, result: toFsmResult(outcome.result) };
    if (outcome.kind === "unknown") return outcome;
    return { kind: "refused", refusal: this.#toRefusal(outcome.refusal) };
  }

  async #patiently(
    attempt: (deadline: number, done: (outcome: ChangeOutcome) => void) => void,
  ): Promise<MembershipOutcome> {
    const { clock, limits } = this.#options;
    const isStopping = (): boolean => this.#isStopping;
    const outcome = await retryChange({ clock, timeoutMs: limits.requestTimeoutMs, isStopping }, attempt);
    if (outcome.kind === "ok") return { kind: "done" };
    if (outcome.kind === "unknown") return outcome;
    const { refusal } = outcome;
    return refusal.kind === "rejected" ? refusal : { kind: "refused", refusal: this.#toRefusal(refusal) };
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

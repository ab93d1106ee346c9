import type { BootId, LogIndex, MemberKey, Term } from "../base/index.ts";
import type { CoreStatus, Entry, MembershipChange, Observation, Refusal, SnapshotMeta } from "../raft/index.ts";
import type { ApplyResult } from "./ports.ts";

/** What became of a proposal. Never guessed. */
export type ProposeOutcome =
  | { readonly kind: "applied"; readonly index: LogIndex; readonly term: Term; readonly result: ApplyResult }
  /** Surely not in the log. */
  | { readonly kind: "refused"; readonly refusal: Refusal | { readonly kind: "untrusted"; readonly reason: string } }
  /** Appended, and then leadership, time or this node was lost: it may or may not happen. */
  | { readonly kind: "unknown"; readonly reason: string };

export type ReadOutcome =
  /** This node's applied state contains everything that was committed when the read was asked for. */
  | { readonly kind: "ready"; readonly index: LogIndex }
  | { readonly kind: "no-leader" }
  | { readonly kind: "timeout" }
  | { readonly kind: "untrusted"; readonly reason: string }
  | { readonly kind: "stopping" };

export type ChangeOutcome =
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly refusal: Refusal | { readonly kind: "untrusted"; readonly reason: string } }
  | { readonly kind: "unknown"; readonly reason: string };

export type SnapshotOutcome =
  | { readonly kind: "taken"; readonly meta: SnapshotMeta; readonly durationMs: number }
  | { readonly kind: "nothing-new"; readonly meta: SnapshotMeta | undefined }
  | { readonly kind: "busy" }
  | { readonly kind: "failed"; readonly reason: string };

/** Why no node can be opened over this folder. `damaged`: what is missing here only others have, or a backup. */
export interface NodeRefusal {
  readonly kind: "damaged" | "unusable";
  readonly message: string;
}

/** `running`, or why this node refuses to serve. An untrusted node stays up so that it can say so. */
export type NodeCondition =
  | { readonly kind: "starting" }
  | { readonly kind: "running" }
  | { readonly kind: "untrusted"; readonly reason: string }
  | { readonly kind: "halted"; readonly reason: string }
  | { readonly kind: "stopped" };

export interface NodeStatus {
  readonly condition: NodeCondition;
  readonly core: CoreStatus;
  /** True while the disk has no space for writes. */
  readonly isDiskFull: boolean;
  readonly self: MemberKey;
  /** The highest commit index that this node knows of, its own or a leader's: what readiness is measured against. */
  readonly leaderCommit: LogIndex;
  readonly now: number;
}

/** One durable transaction. */
export interface PersistMeasure {
  readonly durationMs: number;
  readonly entries: number;
  readonly bytes: number;
  /** Index of the last entry that was appended with it; undefined: none was. */
  readonly last: LogIndex | undefined;
}

export interface SnapshotMeasure {
  readonly durationMs: number;
  readonly sizeBytes: number;
  readonly index: LogIndex;
}

/** Things the node measures; all optional, all cheap. */
export interface NodeObserver {
  onObservation?(observation: Observation): void;
  /** After each turn in which entries were applied; `index` is the new applied index. */
  onApplied?(index: LogIndex): void;
  onCondition?(condition: NodeCondition): void;
  onPersist?(measure: PersistMeasure): void;
  /** A proposal that belongs to a trace got its place in this node's log. */
  onTraced?(entry: { readonly index: LogIndex; readonly term: Term; readonly trace: string }): void;
  /** These entries are on their way to this node's disk. */
  onAppend?(entries: readonly Entry[]): void;
  /** Entries up to `index` are known to be committed. */
  onCommitted?(index: LogIndex): void;
  onApply?(measure: { readonly durationMs: number; readonly entries: number }): void;
  /** From proposal to applied on the leader. */
  onCommit?(measure: { readonly durationMs: number }): void;
  onSnapshot?(measure: SnapshotMeasure): void;
  onSnapshotSent?(measure: SnapshotMeasure & { readonly to: MemberKey; readonly isOk: boolean }): void;
  onSnapshotInstalled?(measure: SnapshotMeasure): void;
  onProposal?(outcome: "applied" | "refused" | "unknown"): void;
}

/** One Raft node of this process: the driver around the core. Callbacks are called exactly once, never inside the call. */
export interface RaftNode {
  start(): void;
  /** Deadlines are monotonic ms of the node's clock. `trace`: the `traceparent` of a recorded span around it. */
  propose(command: Uint8Array, deadline: number, done: (outcome: ProposeOutcome) => void, trace?: string): void;
  /** A linearizable read point: when `ready`, read the state machine at once, synchronously. */
  readPoint(deadline: number, done: (outcome: ReadOutcome) => void): void;
  /** Calls back once this node has applied `index`, or false at the deadline. */
  waitApplied(index: LogIndex, deadline: number, done: (isApplied: boolean) => void): void;
  change(
    request: { readonly changes: readonly MembershipChange[]; readonly expectIndex?: LogIndex },
    deadline: number,
    done: (outcome: ChangeOutcome) => void,
  ): void;
  transfer(to: MemberKey | undefined, deadline: number, done: (outcome: ChangeOutcome) => void): void;
  /** Until then this node, should it lead, makes no voters by itself: whoever says so decides who becomes one. */
  holdPromotions(until: number): void;
  takeSnapshot(done: (outcome: SnapshotOutcome) => void): void;
  status(): NodeStatus;
  /** Of the log on disk: asks the file system. */
  logSizeBytes(): number;
  /** The disk broke a promise outside of any request: this node stops counting, and says why. */
  distrust(reason: string): void;
  /** Another member has said that its own disk cannot be trusted. */
  onConfession(peer: { readonly key: MemberKey; readonly boot: BootId }): void;
  observe(observer: NodeObserver): void;
  /** Stops taking, drains, hands leadership over, closes the ports. Bounded by `deadline`. */
  stop(deadline: number, done: () => void): void;
}

import type { BootId, Clock, MemberKey } from "../base/index.ts";
import type { RaftLimits, RaftTiming } from "../raft/index.ts";
import type { Identity, LogStore, SnapshotStore, StateMachine, StoredState, Transport } from "./ports.ts";

/** When a snapshot is taken and how much log stays behind it. */
export interface SnapshotPolicy {
  /** The threshold is looked at every random [T, 2T) ms. */
  readonly intervalMs: number;
  /** Applied entries since the last snapshot that make a new one worthwhile. */
  readonly thresholdEntries: number;
  /**
   * Applied bytes of log since the last snapshot that make a new one at once, up to twice as many by chance, so that the
   * nodes do not take theirs together: what a start has to replay. Never fewer than half of what the state has.
   */
  readonly thresholdBytes: number;
  /** Entries kept behind the newest one for followers that are a little late. */
  readonly trailingEntries: number;
  /**
   * Of these so many bytes, however large they are, and what was written since the last snapshot before: the log is cut
   * where one was begun, as only there its bytes are known.
   */
  readonly trailingBytes: number;
  /** Entries removed in one transaction, at least 1; fewer of large ones. */
  readonly trimStepEntries: number;
}

export interface NodeLimits {
  /** Proposals and reads that wait for their turn; above it `overloaded`, nothing appended. */
  readonly waitingCountMax: number;
  readonly waitingBytesMax: number;
  /** Events from peers stepped in one turn; the rest waits for the next turn, in order. */
  readonly turnEventsMax: number;
  /** Bytes of commands appended in one turn. */
  readonly turnProposalBytesMax: number;
  /** Bytes of entries applied in one turn, so that sockets and timers get their share. */
  readonly turnApplyBytesMax: number;
}

export const DEFAULT_NODE_LIMITS: NodeLimits = {
  waitingCountMax: 100_000,
  waitingBytesMax: 64 * 1024 * 1024,
  turnEventsMax: 4096,
  turnProposalBytesMax: 8 * 1024 * 1024,
  turnApplyBytesMax: 4 * 1024 * 1024,
};

export interface RaftNodeOptions {
  readonly self: MemberKey;
  readonly boot: BootId;
  readonly identity: Identity;
  /** What the log store held when it was opened, or what bootstrap put there. */
  readonly stored: StoredState;
  readonly clock: Clock;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  readonly transport: Transport;
  readonly machine: StateMachine;
  readonly timing: RaftTiming;
  readonly raftLimits: RaftLimits;
  readonly limits: NodeLimits;
  readonly snapshotPolicy: SnapshotPolicy;
  readonly commandVersion: number;
  /** [0, 1); seeded in the simulator. */
  readonly random: () => number;
  /** A loud line for the operator: damage that was survived, restores, installs. */
  readonly note: (message: string) => void;
}

/** What a node goes on with: the log as it was found is let go of once the core has taken it. */
export type RunningOptions = Omit<RaftNodeOptions, "stored">;

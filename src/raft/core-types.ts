import type { BootId, ClusterId, Epoch, LogIndex, MemberKey, Term } from "../base/index.ts";
import type { Effects, HardState, Role } from "./effects.ts";
import type { Entry, EntryId } from "./entry.ts";
import type { RaftEvent } from "./event.ts";
import type { Membership } from "./membership.ts";
import type { PairSeq } from "./pair-seq.ts";
import type { RecoveredLog } from "./recovered-log.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";

/** All times in ms. lease ≤ heartbeat ≤ election; none below 300 in production. */
export interface RaftTiming {
  /** The follower's election timer, random in [T, 2T); leaders send heartbeats every T/10. */
  readonly heartbeatTimeoutMs: number;
  /** The candidate's round, random in [T, 2T); also the disk watchdog and the deadline of a transfer. */
  readonly electionTimeoutMs: number;
  /** A leader that no voter quorum answered for this long steps down and falls silent. */
  readonly leaderLeaseTimeoutMs: number;
}

export interface RaftLimits {
  /** Unacknowledged appends per follower. */
  readonly inflightCountMax: number;
  readonly inflightBytesMax: number;
  /** Entries bytes in one append; one entry always fits. */
  readonly messageBytesMax: number;
  /** Bytes appended by this leader but not applied here: above it proposals are `overloaded`. */
  readonly unappliedBytesMax: number;
  /** Entries kept in memory for followers and applying. */
  readonly cacheBytesMax: number;
  /** Snapshots that are sent at once. */
  readonly snapshotSendsMax: number;
}

export interface CoreOptions {
  readonly self: MemberKey;
  readonly boot: BootId;
  readonly clusterId: ClusterId;
  readonly epoch: Epoch;
  readonly hard: HardState;
  readonly seq: number;
  readonly log: RecoveredLog;
  /** Newest complete snapshot; undefined: the log starts at 1. */
  readonly snapshot: SnapshotMeta | undefined;
  /** Index that the state machine has applied at start (the snapshot's, or 0). */
  readonly applied: LogIndex;
  /** Committed at least up to here: a hint that was stored lazily. */
  readonly commitHint: LogIndex;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  /** Highest command version this binary understands. */
  readonly commandVersion: number;
  /** [0, 1), seeded. */
  readonly random: () => number;
  readonly now: number;
}

export interface PeerStatus {
  readonly key: MemberKey;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly applied: LogIndex;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Monotonic ms of the send of the last round it answered; -Infinity: never. */
  readonly lastContact: number;
  readonly isConnected: boolean;
  /** A learner has shown that it keeps up with the log. */
  readonly isCaughtUp: boolean;
  /** Of the process that was connected last; empty and 0: none was, since this process started. */
  readonly version: string;
  readonly commandVersion: number;
}

export interface CoreStatus {
  readonly role: Role;
  readonly term: Term;
  readonly vote: MemberKey | undefined;
  readonly leader: MemberKey | undefined;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly firstIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly membership: Membership;
  readonly membershipIndex: LogIndex;
  readonly committedMembership: Membership;
  readonly committedMembershipIndex: LogIndex;
  /** Monotonic ms of the last accepted message of the leader; own `now` on the leader. */
  readonly leaderContact: number;
  /** Of the entry at `applied`. Below `term`, more may be committed than this leader could tell so far. @see Raft §5.4.2 */
  readonly appliedTerm: Term;
  readonly isTransferring: boolean;
  /** Pairs that two live processes claim, as this node sees it. */
  readonly duplicates: readonly MemberKey[];
  /** What a leader knows of the others. */
  readonly peers: readonly PeerStatus[];
  /** What any other node knows of them: members that it has no connection with. */
  readonly unconnected: readonly MemberKey[];
}

/** The protocol as a pure function of (state, event). One instance a process start. */
export interface RaftCore {
  /** @throws InvariantViolation when a promise of the protocol is broken: the process must stop */
  step(event: RaftEvent): Effects;
  /** As in the status, which costs a copy of everything. */
  readonly term: Term;
  readonly leader: MemberKey | undefined;
  status(): CoreStatus;
  /** Committed and locally durable entries from `from` on that are in memory, at most `bytesMax` (at least one); `loading`: wait for `entries-loaded`. */
  committedEntries(from: LogIndex, bytesMax: number): readonly Entry[] | "loading";
  /** (term, chain, time) of an index in the log or at its base. */
  entryId(index: LogIndex): (EntryId & { readonly time: number }) | undefined;
  /** The membership in force at an index that is applied here: what a snapshot of that index must carry. */
  membershipAt(index: LogIndex): { readonly membership: Membership; readonly index: LogIndex };
  /** What the members acknowledged, as far as this node knows: what a snapshot must carry. */
  memberSeqs(): readonly PairSeq[];
  /** All invariants, dear ones too. @throws InvariantViolation */
  check(): void;
}

import type { BootId, ClusterId, Epoch, LogIndex, MemberKey, Term } from "../base/index.ts";
import type { Entry } from "./entry.ts";

/**
 * Who speaks to whom. The transport fills cluster, epoch and boot from the handshake of the connection; they are
 * carried here so that the simulator can lie about them. Before the core judges a message it drops what is of
 * another cluster or epoch, what is not for this very pair, and responses from a pair or boot that is not current.
 */
export interface MessageHeader {
  readonly clusterId: ClusterId;
  readonly epoch: Epoch;
  readonly from: MemberKey;
  readonly fromBoot: BootId;
  readonly to: MemberKey;
  /** The sender's term; in a granted pre-vote response the term that was asked for. */
  readonly term: Term;
}

/** Asks whether a vote would be granted; changes nothing durable. @see thesis §9.6 */
export interface PreVote {
  readonly kind: "pre-vote";
  /** `term` of the header is the proposed one (own + 1). Numbers this attempt, so that late answers do not count. */
  readonly round: number;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
}

export interface PreVoteReply {
  readonly kind: "pre-vote-reply";
  readonly round: number;
  readonly granted: boolean;
}

/** @see Raft §5.2 */
export interface Vote {
  readonly kind: "vote";
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** Set when a leader asked for this election: passes the stickiness of voters. @see thesis §3.10 */
  readonly transfer: boolean;
}

export interface VoteReply {
  readonly kind: "vote-reply";
  readonly granted: boolean;
}

/** AppendEntries; empty = heartbeat and read round. @see Raft §5.3 */
export interface Append {
  readonly kind: "append";
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  /** Chain value at prevIndex: unequal at equal (index, term) means two logs diverged silently. */
  readonly prevChain: number;
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
  /** Number of the round; raised with every broadcast. An answer confirms leadership at the time this was sent. */
  readonly round: number;
  /** Names the leader's (membership session of the follower, connection): acks of another session are ignored. */
  readonly session: number;
}

export interface AppendReply {
  readonly kind: "append-reply";
  readonly ok: boolean;
  /** ok: durable up to here and equal to the leader's log. Not ok: the prevIndex that was refused. */
  readonly match: LogIndex;
  /** Not ok: the leader may continue at or below (hintIndex, hintTerm). */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
  readonly round: number;
  readonly session: number;
  /** Not ok for lack of anything to attach to: only a snapshot helps. */
  readonly needSnapshot: boolean;
  /** The follower's number of durable transactions: a process that starts with fewer has a folder that was put back. */
  readonly seq: number;
  /** The follower's applied index, for lag reports. */
  readonly applied: LogIndex;
}

/** A follower's disk holds the complete snapshot (index, term) and its log was reset to it. */
export interface SnapshotReply {
  readonly kind: "snapshot-reply";
  readonly session: number;
  readonly index: LogIndex;
  readonly ok: boolean;
}

/** The leader asks the target to campaign at once. @see thesis §3.10 */
export interface TimeoutNow {
  readonly kind: "timeout-now";
  readonly requireIndex: LogIndex;
  readonly requireTerm: Term;
}

/** A follower asks for a read index. The context is (fromBoot, request): a counter alone repeats after a restart. */
export interface ReadIndex {
  readonly kind: "read-index";
  readonly request: number;
}

export interface ReadIndexReply {
  readonly kind: "read-index-reply";
  readonly request: number;
  readonly ok: boolean;
  readonly index: LogIndex;
  readonly commit: LogIndex;
}

/** The answer to any request of an older term: carries the newer term and nothing else. */
export interface StaleTerm {
  readonly kind: "stale-term";
}

/** To a pair that a newer incarnation has replaced, or that was removed: stop campaigning for good. */
export interface Replaced {
  readonly kind: "replaced";
  readonly reason: "replaced" | "removed" | "rolled-back";
  /** Log index of the change. */
  readonly at: LogIndex;
  /** The process that is meant; empty: the pair, whatever process speaks for it. */
  readonly boot: BootId;
}

/** The leader takes its leave on purpose: known gone. */
export interface Goodbye {
  readonly kind: "goodbye";
}

export type MessageBody =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | SnapshotReply
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply
  | StaleTerm
  | Replaced
  | Goodbye;

export type Message = MessageHeader & MessageBody;

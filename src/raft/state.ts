import { assert, type BootId, type LogIndex, type MemberKey } from "../base/index.ts";
import type { CoreOptions } from "./core-types.ts";
import { Durability } from "./durability.ts";
import type { HardState, Role } from "./effects.ts";
import type { RequestId } from "./event.ts";
import { Log } from "./log.ts";
import { EMPTY_MEMBERSHIP } from "./membership.ts";
import { decodeMembership } from "./membership-codec.ts";
import { MembershipHistory, type MembershipPoint } from "./membership-history.ts";
import { Out } from "./out.ts";
import { decodeCheck, type PairSeq } from "./pair-seq.ts";
import type { Progress } from "./progress.ts";
import { ownEntries } from "./recovered-log.ts";
import type { RoundClock } from "./round-clock.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";

/** A read that waits on the leader for a voter quorum of `round`. */
export interface PendingRead {
  /** Undefined: asked by this node itself. */
  readonly from: { readonly key: MemberKey; readonly boot: BootId } | undefined;
  readonly request: RequestId;
  /** The commit index when it was registered; undefined: no entry of this term was committed then. */
  readonly index: LogIndex | undefined;
  readonly round: number;
}

export interface Transfer {
  readonly to: MemberKey;
  readonly deadline: number;
  isSent: boolean;
}

export interface PendingChange {
  readonly request: RequestId;
  /** Index of the entry whose commit ends it: of the joint change first, of leaving it then. */
  index: LogIndex;
}

/** Exists exactly while this node leads: giving up leadership forgets all of it. */
export interface Leading {
  /** Index of the first entry of this term. */
  readonly termStart: LogIndex;
  /** Members other than this node. */
  readonly progress: Map<MemberKey, Progress>;
  lastSession: number;
  /** Number of the last broadcast. */
  round: number;
  /** A broadcast is due at the end of this step. */
  wantsRound: boolean;
  readonly rounds: RoundClock;
  /** An acknowledgement, a ticket or a membership changed since the commit index was computed. */
  isCommitDirty: boolean;
  heartbeatAt: number;
  /** Idle followers are told the commit index then. */
  commitNoticeAt: number;
  /** Cluster time in ms, and the monotonic time up to which it has advanced. */
  time: number;
  timeAt: number;
  reads: PendingRead[];
  /** Remote reads in `reads`: a question that is asked again is not registered twice. */
  readonly remoteReads: Set<string>;
  transfer: Transfer | undefined;
  change: PendingChange | undefined;
  /** Learners are looked at again then, with a view to promotion. */
  promoteAt: number;
  /** The next `check` entry is not appended before, and only behind something else than the last one. */
  checkAt: number;
  checkedTo: LogIndex;
  /** Last index and bytes of each run of entries that is not applied here yet. */
  unapplied: { readonly last: LogIndex; readonly bytes: number }[];
  unappliedBytes: number;
  /** After a pause of the process nobody is judged by contacts that it slept through. */
  quorumCheckFrom: number;
}

/** One attempt to become leader, before (pre-vote) or in its term. */
export interface Campaign {
  /** Numbers pre-vote rounds, so that answers to an earlier one do not count. */
  round: number;
  readonly votes: Map<MemberKey, boolean>;
  /** The ticket of the own vote; it counts only when that is durable. */
  ownVoteTicket: number;
  isFast: boolean;
  isTransfer: boolean;
}

/** Tries to replace a leader that is known gone, ahead of the regular timer. */
export interface FastFailover {
  /** Infinity: nothing planned. */
  at: number;
  triesLeft: number;
  readonly gone: MemberKey;
}

export interface Peer {
  boot: BootId | undefined;
  /** Transactions that its disk held when that process was started; undefined: no `hello` told yet. */
  startSeq: number | undefined;
  isFromHello: boolean;
  isConnected: boolean;
  heardAt: number;
  /** What its current process said of its software; empty and 0: nothing yet. */
  version: string;
  commandVersion: number;
}

/** Everything the core knows. Changed only within a step, by the files of this room. */
export interface State {
  /** Without the log as it was found: nothing holds on to entries that the cache lets go. */
  readonly options: Omit<CoreOptions, "log">;
  readonly self: MemberKey;
  readonly out: Out;
  readonly log: Log;
  readonly durability: Durability;
  readonly members: MembershipHistory;
  /** Monotonic ms; never goes back. */
  now: number;
  lastTickAt: number;
  /** Its term never falls; its vote changes only with the term, or from none. */
  hard: HardState;
  role: "follower" | "pre-candidate" | "candidate" | "leader";
  /** As last observed. */
  shownRole: Role;
  leader: MemberKey | undefined;
  leaderBoot: BootId | undefined;
  /** When the leader of the current term was last heard. */
  leaderContact: number;
  /** The current leader's process is known gone: this node does not protect it any more. */
  isLeaderGone: boolean;
  /** The regular timer: of a follower, or of a candidate's round. */
  electionAt: number;
  readonly campaign: Campaign;
  fast: FastFailover | undefined;
  leading: Leading | undefined;
  /** applied ≤ commit ≤ last. Never falls. */
  commit: LogIndex;
  applied: LogIndex;
  snapshot: SnapshotMeta | undefined;
  /** Learners are not promoted without being asked before that; monotonic ms. */
  promotionsHeldUntil: number;
  /** The log was reset to a snapshot that the state machine does not hold yet; its index. */
  installing: LogIndex | undefined;
  readonly peers: Map<MemberKey, Peer>;
  /** The highest transaction counter of each pair: acknowledged here, or found in the log or a snapshot. Never undone. */
  readonly seqs: Map<MemberKey, PairSeq>;
  /** Pairs with a process whose folder was put back: neither its votes nor its acknowledgements count. */
  readonly distrusted: Map<MemberKey, BootId>;
  /** Pairs that two live processes claim. */
  readonly duplicates: Set<MemberKey>;
  /** Reads that this node has asked its leader for. */
  readonly forwardedReads: Map<RequestId, { askedAt: number }>;
  /** A transfer that was asked here and whose new leader is not known yet. */
  transferRequest: { readonly request: RequestId; readonly deadline: number } | undefined;
  isLoading: boolean;
  /** Whether the last load was for applying; applying and followers take turns. */
  wasLoadForApply: boolean;
  loadRetryAt: number;
  isDiskFull: boolean;
  isStopping: boolean;
  /** This pair was told that it does not count any more. */
  isRetired: boolean;
}

export function createState(options: CoreOptions): State {
  const { hard, now, snapshot } = options;
  const { log: recovered, ...kept } = options;
  const log = new Log(recovered, options.limits.cacheBytesMax);
  const commit = Math.max(log.base.index, snapshot?.index ?? 0, options.commitHint);
  assert(
    commit <= log.lastIndex,
    () => `The log must hold what was committed: ends at ${log.lastIndex}, commit is ${commit}`,
  );
  assert(hard.term >= log.lastTerm, () => `The term must not be below the log's: ${hard.term} < ${log.lastTerm}`);
  const members = new MembershipHistory(recoverMemberships(options));
  members.commit(commit);
  return {
    options: kept,
    self: options.self,
    out: new Out(),
    log,
    durability: new Durability(log.lastIndex, options.seq),
    members,
    now,
    lastTickAt: now,
    hard,
    role: "follower",
    shownRole: "follower",
    leader: undefined,
    leaderBoot: undefined,
    leaderContact: -Infinity,
    isLeaderGone: false,
    electionAt: 0,
    campaign: { round: 0, votes: new Map(), ownVoteTicket: 0, isFast: false, isTransfer: false },
    fast: undefined,
    leading: undefined,
    commit,
    applied: options.applied,
    snapshot,
    promotionsHeldUntil: -Infinity,
    installing: undefined,
    peers: new Map(),
    seqs: recoverSeqs(options),
    distrusted: new Map(),
    duplicates: new Set(),
    forwardedReads: new Map(),
    transferRequest: undefined,
    isLoading: false,
    wasLoadForApply: false,
    loadRetryAt: -Infinity,
    isDiskFull: false,
    isStopping: false,
    isRetired: false,
  };
}

/** The snapshot's membership and those in the log behind it, oldest first. @see Raft §6, §7 */
function recoverMemberships({ snapshot, log }: CoreOptions): MembershipPoint[] {
  const points: MembershipPoint[] = [];
  if (snapshot !== undefined) points.push({ index: snapshot.membershipIndex, membership: snapshot.membership });
  for (const entry of ownEntries(log)) {
    if (entry.kind !== "membership" || entry.index <= (points.at(-1)?.index ?? 0)) continue;
    if (points.length === 0) points.push({ index: 0, membership: EMPTY_MEMBERSHIP });
    points.push({ index: entry.index, membership: decodeMembership(entry.data) });
  }
  return points;
}

/** What pairs acknowledged, as far as the snapshot and the log behind it tell. */
function recoverSeqs({ snapshot, log }: CoreOptions): Map<MemberKey, PairSeq> {
  const seqs = new Map((snapshot?.seqs ?? []).map((told) => [told.key, told] as const));
  for (const entry of ownEntries(log)) {
    if (entry.kind !== "check") continue;
    for (const told of decodeCheck(entry.data))
      if (told.seq > (seqs.get(told.key)?.seq ?? -1)) seqs.set(told.key, told);
  }
  return seqs;
}

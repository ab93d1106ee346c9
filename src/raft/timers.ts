import type { MemberKey } from "../base/index.ts";
import { isElectable, startPreVote } from "./election.ts";
import { tryFastFailover } from "./failover.ts";
import { becomeFollower, restartElectionTimer, setLeader } from "./follower.ts";
import { hasQuorum } from "./quorum.ts";
import { resendReads } from "./read-index.ts";
import { isSoleVoter } from "./role.ts";
import type { Leading, State } from "./state.ts";
import { failTransferRequest, handOver, repeatTimeoutNow } from "./transfer.ts";

/** Everything that happens because time passed. */
export function onTick(s: State): void {
  const gap = s.now - s.lastTickAt;
  s.lastTickAt = s.now;
  const { transferRequest } = s;
  if (transferRequest !== undefined && s.now >= transferRequest.deadline && s.leading?.transfer === undefined) {
    failTransferRequest(s, "no other leader appeared in time");
  }
  if (s.leading === undefined) tickFollower(s);
  else tickLeader(s, s.leading, gap);
}

/** When the next tick is due. */
export function nextWake(s: State): number {
  const { leading, fast, transferRequest, options } = s;
  let at = transferRequest?.deadline ?? Infinity;
  if (s.loadRetryAt > s.now) at = Math.min(at, s.loadRetryAt);
  if (leading !== undefined) {
    return Math.min(at, leading.heartbeatAt, leading.commitNoticeAt, leading.transfer?.deadline ?? Infinity);
  }
  if (fast !== undefined) at = Math.min(at, fast.at);
  if (s.forwardedReads.size > 0) at = Math.min(at, s.now + options.timing.heartbeatTimeoutMs / 10);
  return s.isRetired ? at : Math.min(at, s.electionAt);
}

function tickFollower(s: State): void {
  resendReads(s);
  tryFastFailover(s);
  if (s.now < s.electionAt) return;
  if (isElectable(s)) startPreVote(s, false);
  else {
    setLeader(s, undefined, undefined);
    restartElectionTimer(s);
  }
}

function tickLeader(s: State, leading: Leading, gap: number): void {
  const { timing } = s.options;
  if (gap > timing.leaderLeaseTimeoutMs) {
    // The process slept: answers that came meanwhile are old through no fault of the followers.
    leading.quorumCheckFrom = s.now + timing.leaderLeaseTimeoutMs;
    s.out.mark("late-tick");
  }
  watchDisk(s, leading);
  if (s.leading === undefined) return;
  if (s.now >= leading.quorumCheckFrom && !hasContact(s, leading)) {
    s.out.mark("check-quorum-failed");
    becomeFollower(s, s.hard.term, "no quorum of voters answers");
    return;
  }
  if (s.now < leading.heartbeatAt) return;
  leading.wantsRound = true;
  repeatTimeoutNow(leading);
}

/**
 * Whether a voter quorum answered something that was sent within the lease timeout. A leader that has not must fall
 * silent: its heartbeats would keep voters from electing one that the majority reaches. @see thesis §6.2
 */
function hasContact(s: State, leading: Leading): boolean {
  const since = s.now - s.options.timing.leaderLeaseTimeoutMs;
  return hasQuorum(
    s.members.effective.membership,
    (key: MemberKey) => key === s.self || (leading.progress.get(key)?.contact ?? -Infinity) >= since,
  );
}

/** A leader whose disk does not answer holds everybody up: hand over at half an election timeout, stop at a whole. */
function watchDisk(s: State, leading: Leading): void {
  if (isSoleVoter(s)) return;
  if (s.isDiskFull) handOver(s, leading);
  const since = s.durability.oldestSince;
  if (since === undefined) return;
  const { electionTimeoutMs } = s.options.timing;
  if (s.now - since > electionTimeoutMs) {
    s.out.mark("disk-watchdog");
    becomeFollower(s, s.hard.term, "the disk does not answer");
  } else if (s.now - since > electionTimeoutMs / 2) handOver(s, leading);
}

import { assert, type BootId, type MemberKey, type Term } from "../base/index.ts";
import { publishRole } from "./role.ts";
import { setHard, send } from "./send.ts";
import type { State } from "./state.ts";

/** A wait in [min, 2·min), drawn anew each time, so that two nodes do not collide for ever. @see Raft §5.2 */
export function randomTimeout(s: State, min: number): number {
  return s.now + min * (1 + s.options.random());
}

export function restartElectionTimer(s: State): void {
  s.electionAt = randomTimeout(s, s.options.timing.heartbeatTimeoutMs);
}

/** Enters a term, or stays in it, without leading or campaigning. `leader` stays unknown until it speaks. */
export function becomeFollower(s: State, term: Term, reason: string): void {
  if (term > s.hard.term) {
    setHard(s, { term, vote: undefined });
    setLeader(s, undefined, undefined);
  }
  const wasLeader = s.leading !== undefined;
  if (wasLeader) giveUpLeading(s);
  s.role = "follower";
  s.campaign.votes.clear();
  if (wasLeader) {
    setLeader(s, undefined, undefined);
    restartElectionTimer(s);
  }
  publishRole(s, reason);
}

/** Takes a message of the current term's leader: it is alive, and protected from elections for a while. */
export function heardLeader(s: State, leader: MemberKey, boot: BootId): void {
  assert(s.leader === undefined || s.leader === leader, () => `Term ${s.hard.term} must have one leader`);
  assert(s.role !== "leader", () => `Term ${s.hard.term} must have one leader: this node leads it`);
  if (s.role !== "follower") becomeFollower(s, s.hard.term, `${leader} leads`);
  setLeader(s, leader, boot);
  s.leaderContact = s.now;
  s.isLeaderGone = false;
  s.fast = undefined;
  restartElectionTimer(s);
}

export function setLeader(s: State, leader: MemberKey | undefined, boot: BootId | undefined): void {
  s.leaderBoot = boot;
  if (s.leader === leader) return;
  s.leader = leader;
  s.isLeaderGone = false;
  if (leader === undefined) s.leaderContact = -Infinity;
  s.out.observe({ kind: "leader", leader, term: s.hard.term });
  retryForwardedReads(s);
  settleTransferRequest(s);
}

/** Reads that wait for a leader's answer must be asked again. */
export function retryForwardedReads(s: State): void {
  if (s.forwardedReads.size === 0) return;
  for (const request of s.forwardedReads.keys()) s.out.done(request, { kind: "retry" });
  s.forwardedReads.clear();
}

/** Everything that waits for this leadership is answered, and its name is on nothing any more. */
function giveUpLeading(s: State): void {
  const { leading, out } = s;
  if (leading === undefined) return;
  for (const progress of leading.progress.values()) {
    if (progress.isSendingSnapshot) out.cancelSnapshot(progress.key, progress.session);
  }
  for (const read of leading.reads) {
    if (read.from === undefined) out.done(read.request, { kind: "retry" });
    else
      send(
        s,
        { to: read.from.key },
        { kind: "read-index-reply", request: read.request, ok: false, index: 0, commit: 0 },
      );
  }
  if (leading.change !== undefined) out.done(leading.change.request, { kind: "unknown" });
  s.leading = undefined;
}

/** A transfer that was asked for here is done once somebody else is known to lead. */
function settleTransferRequest(s: State): void {
  const { transferRequest, leader } = s;
  if (transferRequest === undefined || leader === undefined || leader === s.self) return;
  s.transferRequest = undefined;
  s.out.done(transferRequest.request, { kind: "ok" });
}

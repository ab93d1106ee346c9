import { assert, type LogIndex, type MemberKey, type Term } from "../base/index.ts";
import { becomeFollower, randomTimeout, restartElectionTimer, setLeader } from "./follower.ts";
import { becomeLeader } from "./leader.ts";
import type { PreVoteReply, TimeoutNow } from "./message.ts";
import { voteResult } from "./quorum.ts";
import { isSoleVoter, isVoterOf, publishRole } from "./role.ts";
import { send, setHard } from "./send.ts";
import type { State } from "./state.ts";
import { isCounted } from "./trust.ts";

/**
 * Whether this node may try to lead. A voter of the effective OR the committed membership: a leader that appended its
 * own removal and crashed before anybody got it must still be electable, or nobody is. @see thesis §4.2.2
 */
export function isElectable(s: State): boolean {
  if (s.isRetired || s.isStopping || s.installing !== undefined || s.duplicates.has(s.self)) return false;
  const { effective, committed } = s.members;
  if (!isVoterOf(s, effective.membership) && !isVoterOf(s, committed.membership)) return false;
  return isSoleVoter(s) || !isDiskUnfit(s);
}

/** Asks who would vote for this node, without changing anything durable. @see thesis §9.6 */
export function startPreVote(s: State, isFast: boolean): void {
  assert(s.leading === undefined, "A leader must not campaign");
  const { campaign } = s;
  campaign.round += 1;
  setLeader(s, undefined, undefined);
  startCampaign(s, "pre-candidate", { isFast, isTransfer: false });
  campaign.votes.set(s.self, true);
  const { lastIndex, lastTerm } = s.log;
  const term = s.hard.term + 1;
  for (const key of otherVoters(s)) {
    send(s, { to: key, term }, { kind: "pre-vote", round: campaign.round, lastIndex, lastTerm });
  }
  settleCampaign(s);
}

/** Enters the next term and asks for votes; the own vote counts once it is durable. @see Raft §5.2 */
export function startElection(s: State, isTransfer: boolean): void {
  assert(s.leading === undefined, "A leader must not campaign");
  const { campaign } = s;
  const { isFast } = campaign;
  setHard(s, { term: s.hard.term + 1, vote: s.self });
  setLeader(s, undefined, undefined);
  startCampaign(s, "candidate", { isFast, isTransfer });
  campaign.ownVoteTicket = s.durability.hardTicket;
  const { lastIndex, lastTerm } = s.log;
  for (const key of otherVoters(s)) {
    send(s, { to: key }, { kind: "vote", lastIndex, lastTerm, transfer: isTransfer });
  }
}

/** Counts the own vote at its ticket: before, a crash could let this node vote again. */
export function onOwnVoteDurable(s: State): void {
  if (s.role !== "candidate" || s.campaign.votes.has(s.self)) return;
  if (s.durability.ticket < s.campaign.ownVoteTicket) return;
  s.campaign.votes.set(s.self, true);
  settleCampaign(s);
}

export function onPreVoteReply(s: State, from: MemberKey, term: Term, reply: PreVoteReply): void {
  if (!reply.granted && term > s.hard.term) return becomeFollower(s, term, `${from} knows a higher term`);
  if (s.role !== "pre-candidate" || reply.round !== s.campaign.round) return;
  if (reply.granted && term !== s.hard.term + 1) return;
  s.campaign.votes.set(from, reply.granted);
  settleCampaign(s);
}

export function onVoteReply(s: State, from: MemberKey, isGranted: boolean): void {
  if (s.role !== "candidate") return;
  s.campaign.votes.set(from, isGranted);
  settleCampaign(s);
}

/** The leader asks this node to take over: no pre-vote, and voters know why. @see thesis §3.10 */
export function onTimeoutNow(s: State, from: MemberKey, { requireIndex, requireTerm }: TimeoutNow): void {
  const isFit = from === s.leader && s.leading === undefined && isVoterOf(s, s.members.effective.membership);
  const hasLog = s.durability.index >= requireIndex && s.log.termAt(requireIndex) === requireTerm;
  if (!isFit || !hasLog || !isElectable(s)) {
    s.out.mark("transfer-refused");
    return;
  }
  s.out.mark("transfer-obeyed");
  s.campaign.isFast = false;
  startElection(s, true);
}

/** Lexicographic in (term, index). @see Raft §5.4.1 */
export function isLogAtLeast(s: State, lastTerm: Term, lastIndex: LogIndex): boolean {
  return lastTerm === s.log.lastTerm ? lastIndex >= s.log.lastIndex : lastTerm > s.log.lastTerm;
}

function startCampaign(
  s: State,
  role: "pre-candidate" | "candidate",
  flags: { readonly isFast: boolean; readonly isTransfer: boolean },
): void {
  const { campaign, fast } = s;
  s.role = role;
  campaign.votes.clear();
  campaign.isFast = flags.isFast;
  campaign.isTransfer = flags.isTransfer;
  // Its answer is known: without it a fast round of many would wait for a vote that cannot come.
  if (flags.isFast && fast !== undefined) campaign.votes.set(fast.gone, false);
  s.electionAt = randomTimeout(s, s.options.timing.electionTimeoutMs);
  publishRole(s, flags.isTransfer ? "the leader hands over" : "no leader");
}

function settleCampaign(s: State): void {
  const { campaign } = s;
  const result = voteResult(s.members.effective.membership, (key) => isCounted(s, key) && campaign.votes.get(key));
  if (result === "pending") return;
  if (result === "lost") return onLost(s);
  if (s.role === "pre-candidate") startElection(s, false);
  else becomeLeader(s);
}

/** The regular timer goes on; a fast try comes again soon, a few times. */
function onLost(s: State): void {
  const { fast, campaign } = s;
  becomeFollower(s, s.hard.term, "lost the election");
  if (!campaign.isFast || fast === undefined || fast.triesLeft === 0) return;
  fast.at = s.now + 50 + 100 * s.options.random();
}

/** A node whose disk does not answer must not lead again at once. */
function isDiskUnfit(s: State): boolean {
  const since = s.durability.oldestSince;
  return s.isDiskFull || (since !== undefined && s.now - since > s.options.timing.electionTimeoutMs / 2);
}

function otherVoters(s: State): Set<MemberKey> {
  const { voters, outgoing } = s.members.effective.membership;
  const others = new Set([...voters, ...outgoing]);
  others.delete(s.self);
  return others;
}

/** Sets the timer of a fresh start: a sole voter has nobody to wait for. */
export function startTimers(s: State): void {
  restartElectionTimer(s);
  if (isSoleVoter(s)) s.electionAt = s.now;
}

import type { MemberKey, Term } from "../base/index.ts";
import { isLogAtLeast } from "./election.ts";
import { becomeFollower, restartElectionTimer } from "./follower.ts";
import type { PreVote, Vote } from "./message.ts";
import { send, setHard } from "./send.ts";
import type { State } from "./state.ts";

/** A node that granted a fast pre-vote holds back its own fast try for so long. */
const FAST_POSTPONE_MS = 100;

/**
 * Whether this voter protects a leader: it heard one within the minimum election timeout and does not know it gone, or
 * leads itself. @see thesis §4.2.3
 */
export function isSticky(s: State): boolean {
  if (s.leading !== undefined) return true;
  if (s.leader === undefined || s.isLeaderGone) return false;
  return s.now - s.leaderContact < s.options.timing.heartbeatTimeoutMs;
}

/** Answers whether a vote would be granted. Nothing changes, and no timer starts anew. @see thesis §9.6 */
export function onPreVote(s: State, from: MemberKey, term: Term, request: PreVote): void {
  const isFree = term > s.hard.term || s.hard.vote === from || (s.hard.vote === undefined && s.leader === undefined);
  const granted = isFree && !isSticky(s) && isLogAtLeast(s, request.lastTerm, request.lastIndex);
  const { round } = request;
  // A grant carries the term that was asked for, a refusal the own one: it may be news.
  send(s, { to: from, term: granted ? term : s.hard.term }, { kind: "pre-vote-reply", round, granted });
  if (granted) yieldFastTry(s, from, request);
}

/** @see Raft §5.2, §5.4.1 */
export function onVote(s: State, from: MemberKey, term: Term, request: Vote): void {
  if (isSticky(s) && !request.transfer) {
    s.out.mark("vote-ignored-for-leader");
    return;
  }
  if (term > s.hard.term) becomeFollower(s, term, `${from} campaigns`);
  const { vote } = s.hard;
  const isFree = vote === from || (vote === undefined && s.leader === undefined);
  const granted = isFree && isLogAtLeast(s, request.lastTerm, request.lastIndex);
  if (granted) {
    if (vote === undefined) setHard(s, { term: s.hard.term, vote: from });
    restartElectionTimer(s);
  }
  send(s, { to: from }, { kind: "vote-reply", granted });
}

/** Two nodes that replace a gone leader at the same moment would split the vote: one of them yields. */
function yieldFastTry(s: State, from: MemberKey, { lastTerm, lastIndex }: PreVote): void {
  const { fast } = s;
  if (fast === undefined) return;
  if (fast.at !== Infinity) fast.at = Math.max(fast.at, s.now + FAST_POSTPONE_MS);
  if (s.role !== "pre-candidate" || !s.campaign.isFast) return;
  const isSameLog = lastTerm === s.log.lastTerm && lastIndex === s.log.lastIndex;
  if (isSameLog && from > s.self) return;
  becomeFollower(s, s.hard.term, `yields to ${from}`);
  fast.at = s.now + FAST_POSTPONE_MS;
}

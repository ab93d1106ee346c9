import type { LogIndex, MemberKey } from "../base/index.ts";
import type { Membership } from "./membership.ts";

/** The two halves that a quorum is counted over; `outgoing` is empty unless joint. */
export type Electorate = Pick<Membership, "voters" | "outgoing">;

export type VoteResult = "won" | "lost" | "pending";

/** More voters than this are counted in a buffer made for the call. */
const SCRATCH_SIZE = 16;
/** Used only within one call of {@link majorityCommitted}: acks are counted per message, so nothing is allocated. */
const scratch = new Float64Array(SCRATCH_SIZE);

/**
 * The highest index that a majority of both halves has acknowledged; 0 without voters. Computed anew from all acks
 * each time: nothing is kept that could get out of order. @see Raft §5.3, §6
 */
export function committedIndex(membership: Electorate, acked: (key: MemberKey) => LogIndex | undefined): LogIndex {
  if (membership.voters.length === 0) return 0;
  const incoming = majorityCommitted(membership.voters, acked);
  if (membership.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityCommitted(membership.outgoing, acked));
}

/** The outcome of an election so far; `undefined` is an answer that is missing. Lost without voters. */
export function voteResult(membership: Electorate, votes: (key: MemberKey) => boolean | undefined): VoteResult {
  if (membership.voters.length === 0) return "lost";
  return bothVotes(majorityVote(membership.voters, votes), majorityVote(membership.outgoing, votes));
}

/** Whether a majority of both halves `has` it. Never without voters. */
export function hasQuorum(membership: Electorate, has: (key: MemberKey) => boolean): boolean {
  if (membership.voters.length === 0) return false;
  return (
    hasMajority(membership.voters, has) && (membership.outgoing.length === 0 || hasMajority(membership.outgoing, has))
  );
}

/**
 * The highest index that a majority of `voters` acknowledged. Infinity for an empty half, which so limits nothing:
 * only for combining halves, {@link committedIndex} is what decides a commit.
 */
export function majorityCommitted(
  voters: readonly MemberKey[],
  acked: (key: MemberKey) => LogIndex | undefined,
): number {
  const count = voters.length;
  if (count === 0) return Infinity;
  const sorted = count <= SCRATCH_SIZE ? scratch : new Float64Array(count);
  let filled = 0;
  for (const key of voters) {
    const index = acked(key) ?? 0;
    let at = filled;
    while (at > 0 && (sorted[at - 1] ?? 0) > index) {
      sorted[at] = sorted[at - 1] ?? 0;
      at -= 1;
    }
    sorted[at] = index;
    filled += 1;
  }
  return sorted[count - quorumSize(count)] ?? 0;
}

/** The outcome within one half; an empty half is won, so that it decides nothing. */
export function majorityVote(voters: readonly MemberKey[], votes: (key: MemberKey) => boolean | undefined): VoteResult {
  const needed = voters.length === 0 ? 0 : quorumSize(voters.length);
  let granted = 0;
  let missing = 0;
  for (const key of voters) {
    const vote = votes(key);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

/** The outcome of two halves together: both must win, either can lose it. */
export function bothVotes(a: VoteResult, b: VoteResult): VoteResult {
  if (a === "lost" || b === "lost") return "lost";
  return a === "won" && b === "won" ? "won" : "pending";
}

/**
 * How many of those that `has` it may lose it, whichever they are, with a quorum of both halves left. Negative: there is
 * none now.
 */
export function spareVoters({ voters, outgoing }: Electorate, has: (key: MemberKey) => boolean): number {
  const spare = (half: readonly MemberKey[]): number => half.filter(has).length - quorumSize(half.length);
  return outgoing.length === 0 ? spare(voters) : Math.min(spare(voters), spare(outgoing));
}

/** The smallest majority of `count` voters. */
export function quorumSize(count: number): number {
  return Math.floor(count / 2) + 1;
}

function hasMajority(voters: readonly MemberKey[], has: (key: MemberKey) => boolean): boolean {
  let missing = voters.length - quorumSize(voters.length);
  for (const key of voters) {
    if (has(key)) continue;
    missing -= 1;
    if (missing < 0) return false;
  }
  return true;
}

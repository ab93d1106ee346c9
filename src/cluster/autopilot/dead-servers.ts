/** A member as the clean-up sees it. */
export interface Candidate {
  readonly id: string;
  readonly isVoter: boolean;
  /** A voter, or a learner that stands by or waits to become one; not a read replica. */
  readonly mayVote: boolean;
  /** Not heard for so long that it is taken for gone for good. */
  readonly isDead: boolean;
}

/**
 * Whom to remove next; undefined: nobody. Learners first, then voters: never more than a minority of the voters that
 * there are, never so that fewer than `minQuorum` voters are left, and no server that may vote so that fewer than that
 * many of those are left: a voter that became a standby and died is one that the operator counts on. One at a time, as
 * each removal changes the answer.
 *
 * @see hashicorp/raft-autopilot, adjudicateRemoval: the minimum counts potential voters, and is not asked for demotions
 */
export function nextDeadServer(servers: readonly Candidate[], minQuorum: number): string | undefined {
  const leftCount = servers.filter(({ mayVote }) => mayVote).length - 1;
  const learner = servers.find(
    ({ isVoter, mayVote, isDead }) => isDead && !isVoter && (!mayVote || leftCount >= minQuorum),
  );
  if (learner !== undefined) return learner.id;
  const voters = servers.filter(({ isVoter }) => isVoter);
  const dead = voters.filter(({ isDead }) => isDead);
  const removableMax = Math.floor((voters.length - 1) / 2);
  // With more dead than that there is no quorum of the living: removing anybody would be guessing.
  if (dead.length === 0 || dead.length > removableMax || voters.length - 1 < minQuorum) return undefined;
  return dead[0]?.id;
}

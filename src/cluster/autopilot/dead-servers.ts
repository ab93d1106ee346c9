/** A member as the clean-up sees it. */
export interface Candidate {
  readonly id: string;
  readonly isVoter: boolean;
  /** Not heard for so long that it is taken for gone for good. */
  readonly isDead: boolean;
}

/**
 * Whom to remove next; undefined: nobody. Learners first, then voters: never more than a minority of the voters that
 * there are, and never so that fewer than `minQuorum` are left. One at a time, as each removal changes the answer.
 */
export function nextDeadServer(servers: readonly Candidate[], minQuorum: number): string | undefined {
  const learner = servers.find(({ isVoter, isDead }) => isDead && !isVoter);
  if (learner !== undefined) return learner.id;
  const voters = servers.filter(({ isVoter }) => isVoter);
  const dead = voters.filter(({ isDead }) => isDead);
  const removableMax = Math.floor((voters.length - 1) / 2);
  // With more dead than that there is no quorum of the living: removing anybody would be guessing.
  if (dead.length === 0 || dead.length > removableMax || voters.length - 1 < minQuorum) return undefined;
  return dead[0]?.id;
}

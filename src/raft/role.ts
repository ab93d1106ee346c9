import type { Role } from "./effects.ts";
import type { Membership } from "./membership.ts";
import type { State } from "./state.ts";

/** Whether this pair is a voter of either half. */
export function isVoterOf(s: State, membership: Membership): boolean {
  return membership.voters.includes(s.self) || membership.outgoing.includes(s.self);
}

export function isSoleVoter(s: State): boolean {
  const { voters, outgoing } = s.members.effective.membership;
  return voters.length === 1 && voters[0] === s.self && outgoing.length === 0;
}

/** The role as told to others: it depends on the membership too. */
export function shownRole(s: State): Role {
  if (s.isRetired) return "removed";
  if (s.role !== "follower") return s.role;
  const { effective, committed } = s.members;
  if (isVoterOf(s, effective.membership)) return "follower";
  if (effective.membership.learners.includes(s.self)) return "learner";
  if (committed.membership.members.has(s.self)) return "follower";
  return s.members.wasMember(s.self) ? "removed" : "learner";
}

/** Reports the role if it is another than before. */
export function publishRole(s: State, reason: string): void {
  const role = shownRole(s);
  if (role === s.shownRole) return;
  s.shownRole = role;
  s.out.observe({ kind: "role", role, term: s.hard.term, reason });
}

/** Reports the membership in force, and whether it is committed. */
export function publishMembership(s: State): void {
  const { effective, committed } = s.members;
  const { membership, index } = effective;
  s.out.observe({ kind: "membership", membership, index, committed: effective === committed });
  publishRole(s, "the membership changed");
}

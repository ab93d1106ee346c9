import type { Draft } from "../mutant.ts";

/** Changes of who is a member. */
export const MEMBERSHIP: readonly Draft[] = [
  {
    breaks: "a change waits for an entry of the own term (rule 38)",
    file: "src/raft/change-gate.ts",
    find: "if (!hasCommittedOwnTerm(s, leading)) {",
    replace: "if (!hasCommittedOwnTerm(s, leading) && s.now < 0) {",
  },
  {
    breaks: "one change at a time (rule 38)",
    file: "src/raft/change-gate.ts",
    find: "if (effective !== committed) {",
    replace: "if (effective !== committed && s.now < 0) {",
  },
  {
    breaks: "a truncated membership is not in force (rule 39)",
    file: "src/raft/append-follower.ts",
    find: "if (s.members.truncate(from)) publishMembership(s);",
    replace: "",
  },
  {
    breaks: "commits need both halves of a joint membership (rule 41)",
    file: "src/raft/quorum.ts",
    find: "return Math.min(incoming, majorityCommitted(membership.outgoing, acked));",
    replace: "return incoming;",
  },
  {
    breaks: "several voters change through a joint membership only",
    file: "src/raft/role-change.ts",
    find: "if (countChangedVoters(roles.voters, draft.voters) > 1) {",
    replace: "if (countChangedVoters(roles.voters, draft.voters) > 9) {",
  },
  {
    breaks: "a leader that was removed stops (rule 44)",
    file: "src/raft/membership-leader.ts",
    find: "else stopLeading(s, leading);",
    replace: "",
  },
  {
    breaks: "joint is left without being asked (rule 42)",
    file: "src/raft/membership-leader.ts",
    find: "appendMembership(s, leading, encodeMembership(leaveJoint(s.members.effective.membership)));",
    replace: "if (s.now >= 0) return;",
  },
];

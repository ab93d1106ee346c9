import { memberKey, type MemberKey } from "../base/index.ts";
import type { Membership } from "./membership.ts";

/** The first invariant that a membership breaks, in words; undefined: it is sound. */
export function membershipProblem(membership: Membership): string | undefined {
  return duplicateProblem(membership) ?? roleProblem(membership) ?? memberProblem(membership);
}

function duplicateProblem(membership: Membership): string | undefined {
  for (const name of ["voters", "outgoing", "learners", "learnersNext"] as const) {
    const keys = membership[name];
    if (new Set(keys).size !== keys.length) return `${name} must not name a member twice`;
  }
  return undefined;
}

function roleProblem(membership: Membership): string | undefined {
  const voters = new Set(membership.voters);
  const outgoing = new Set(membership.outgoing);
  if (voters.size === 0 && (outgoing.size > 0 || membership.learners.length > 0)) {
    return "voters must not be empty while there are other members";
  }
  for (const key of membership.learners) {
    if (voters.has(key)) return `${key} must not be voter and learner at once`;
    if (outgoing.has(key)) return `${key} must not be learner while it is an outgoing voter`;
  }
  for (const key of membership.learnersNext) {
    if (!outgoing.has(key)) return `${key} must be an outgoing voter to become a learner next`;
    if (voters.has(key)) return `${key} must not stay a voter and become a learner next`;
  }
  // Nobody would ever leave it: there is no such thing as leaving by hand.
  if (outgoing.size > 0 && !membership.autoLeave) return "a joint membership must be left automatically";
  return undefined;
}

function memberProblem(membership: Membership): string | undefined {
  const { clusterVersion, learners, members, outgoing, voters } = membership;
  if (!Number.isSafeInteger(clusterVersion) || clusterVersion < 1)
    return "clusterVersion must be a whole number from 1";
  const named = new Set<MemberKey>([...voters, ...outgoing, ...learners]);
  for (const key of named) {
    if (!members.has(key)) return `${key} must have its metadata`;
  }
  const ids = new Set<string>();
  for (const [key, member] of members) {
    if (!named.has(key)) return `${key} must have a role`;
    if (memberKey(member.id, member.incarnation) !== key) return `${key} must be stored under its own key`;
    if (ids.has(member.id)) return `${member.id} must not be a member in two incarnations`;
    ids.add(member.id);
  }
  const nonVoter = voters.find((key) => members.get(key)?.nonVoter === true);
  return nonVoter === undefined ? undefined : `${nonVoter} must not vote as it is a non-voter for good`;
}

import {
  assert,
  defined,
  err,
  memberKey,
  ok,
  unreachable,
  type LogIndex,
  type MemberKey,
  type Result,
} from "../base/index.ts";
import type { RejectionCode } from "./effects.ts";
import type { Member, Membership, MembershipChange } from "./membership.ts";
import { membershipProblem } from "./membership-invariants.ts";
import {
  changeSimply,
  countChangedVoters,
  enterJoint,
  leaveJointRoles,
  type RoleError,
  type Roles,
  type RoleStep,
} from "./role-change.ts";

/** Why a change is refused, for a program and in words. */
export interface ChangeRefusal {
  readonly code: RejectionCode;
  readonly reason: string;
}

/**
 * The membership after `changes`, as the entry at index `at` will carry it: a simple change when at most one voter
 * comes or goes in all, else a joint one that is left automatically. Newly added pairs are stamped `admitted: at`.
 * Judges only the shape: quorum, catch-up and pending changes are the core's to check. @see Raft §6, thesis §4
 */
export function applyChanges(
  current: Membership,
  changes: readonly MembershipChange[],
  at: LogIndex,
): Result<Membership, ChangeRefusal> {
  if (current.outgoing.length > 0)
    return refuse("joint", "Cannot change the members as the last change is not left yet");
  const draft: Draft = {
    before: current,
    members: new Map(current.members),
    steps: [],
    at,
    isReplacing: false,
    clusterVersion: current.clusterVersion,
  };
  for (const change of changes) {
    const refusal = plan(draft, change);
    if (refusal !== undefined) return err(refusal);
  }
  const roles = changeRoles(rolesOf(current), draft);
  if (!roles.ok) return roles;
  const next = assemble(roles.value, draft);
  const refusal = findConflict(next);
  if (refusal !== undefined) return err(refusal);
  assertMembership(next);
  return ok(next);
}

/** The membership once the joint state is left. @throws InvariantViolation unless joint */
export function leaveJoint(membership: Membership): Membership {
  const change = leaveJointRoles(rolesOf(membership));
  assert(change.ok, "Cannot leave a joint membership as it must be joint");
  const { clusterVersion, members } = membership;
  const left = assemble(change.value.roles, { members, clusterVersion });
  assertMembership(left);
  return left;
}

/** Checks every invariant of a membership. @throws InvariantViolation */
export function assertMembership(membership: Membership): void {
  const problem = membershipProblem(membership);
  assert(problem === undefined, () => `A membership must be sound: ${problem ?? ""}`);
}

/** What the planned changes come to so far. Only `plan` changes it. */
interface Draft {
  readonly before: Membership;
  readonly members: Map<MemberKey, Member>;
  readonly steps: RoleStep[];
  readonly at: LogIndex;
  isReplacing: boolean;
  clusterVersion: number;
}

function refuse(code: RejectionCode, reason: string): { readonly ok: false; readonly error: ChangeRefusal } {
  return err({ code, reason });
}

function plan(draft: Draft, change: MembershipChange): ChangeRefusal | undefined {
  switch (change.kind) {
    case "add-learner":
      return planAdd(draft, change.member);
    case "promote":
      return planPromotion(draft, change.key);
    case "demote":
      if (!draft.members.has(change.key)) return unknownMember("demote", change.key);
      draft.steps.push({ kind: "add-learner", key: change.key });
      return undefined;
    case "remove":
      if (!draft.members.has(change.key)) return unknownMember("remove", change.key);
      draft.members.delete(change.key);
      draft.steps.push({ kind: "remove", key: change.key });
      return undefined;
    case "update":
      return planUpdate(draft, change.member);
    case "replace":
      return planReplacement(draft, change.old, change.member);
    case "raise-version":
      return planVersion(draft, change.version);
    default:
      return unreachable(change);
  }
}

/** A pair that is a member already keeps its role and takes the new metadata. */
function planAdd(draft: Draft, member: Member): ChangeRefusal | undefined {
  const key = memberKey(member.id, member.incarnation);
  if (draft.members.has(key)) return planUpdate(draft, member);
  // Also against members that an earlier change of this request removes: in one request only `replace` may do that.
  const twin = findTwin(draft.before.members, member) ?? findTwin(draft.members, member);
  if (twin !== undefined) {
    return {
      code: "already-member",
      reason: `Cannot add ${key} as its id must be new, unless it replaces the old pair: ${twin} is a member`,
    };
  }
  return returningMember(draft, key) ?? admit(draft, key, member);
}

/** A removed pair is never taken back: it may have forgotten what it promised. */
function returningMember(draft: Draft, key: MemberKey): ChangeRefusal | undefined {
  if (!draft.before.members.has(key)) return undefined;
  return { code: "already-member", reason: `Cannot add ${key} as the same request removes it` };
}

function planPromotion(draft: Draft, key: MemberKey): ChangeRefusal | undefined {
  const member = draft.members.get(key);
  if (member === undefined) return unknownMember("promote", key);
  if (member.nonVoter) return { code: "invalid-target", reason: `Cannot promote ${key} as it is a non-voter for good` };
  draft.steps.push({ kind: "add-voter", key });
  return undefined;
}

function planUpdate(draft: Draft, member: Member): ChangeRefusal | undefined {
  const key = memberKey(member.id, member.incarnation);
  const known = draft.members.get(key);
  if (known === undefined) return unknownMember("update", key);
  draft.members.set(key, { ...member, admitted: known.admitted });
  return undefined;
}

function planReplacement(draft: Draft, old: MemberKey, member: Member): ChangeRefusal | undefined {
  const key = memberKey(member.id, member.incarnation);
  const known = draft.members.get(old);
  if (known === undefined) return unknownMember("replace", old);
  if (draft.members.has(key)) {
    return { code: "already-member", reason: `Cannot replace ${old} by ${key} as that is a member already` };
  }
  const isSameAddress = known.address !== "" && known.address === member.address;
  if (known.id !== member.id && !isSameAddress) {
    return { code: "invalid-target", reason: `Cannot replace ${old} by ${key} as id or address must be the same` };
  }
  draft.members.delete(old);
  const twin = findTwin(draft.members, member);
  if (twin !== undefined) {
    return { code: "already-member", reason: `Cannot replace ${old} by ${key} as ${twin} has that id` };
  }
  draft.isReplacing = true;
  draft.steps.push({ kind: "remove", key: old });
  return returningMember(draft, key) ?? admit(draft, key, member);
}

function planVersion(draft: Draft, version: number): ChangeRefusal | undefined {
  if (!Number.isSafeInteger(version) || version < draft.clusterVersion) {
    return {
      code: "unsupported-version",
      reason: `Cannot set the cluster version to ${version} as it must not fall: current value is ${draft.clusterVersion}`,
    };
  }
  draft.clusterVersion = version;
  return undefined;
}

function admit(draft: Draft, key: MemberKey, member: Member): undefined {
  draft.members.set(key, { ...member, admitted: draft.at });
  draft.steps.push({ kind: "add-learner", key });
  return undefined;
}

function unknownMember(action: string, key: MemberKey): ChangeRefusal {
  return { code: "unknown-member", reason: `Cannot ${action} ${key} as it must be a member` };
}

/** The key of a member with the same id and another incarnation. */
function findTwin(members: ReadonlyMap<MemberKey, Member>, wanted: Member): MemberKey | undefined {
  for (const [key, member] of members) {
    if (member.id === wanted.id && member.incarnation !== wanted.incarnation) return key;
  }
  return undefined;
}

function changeRoles(before: Roles, draft: Draft): Result<Roles, ChangeRefusal> {
  const simple = changeSimply(before, draft.steps);
  if (simple.ok) return ok(simple.value.roles);
  if (simple.error !== "more than one voter changed without entering joint config") return refuseRoles(simple.error);
  if (draft.isReplacing) {
    return refuse("invalid-target", "Cannot replace a member together with other voters as it must be a simple change");
  }
  const joint = enterJoint(before, draft.steps, true);
  if (!joint.ok) return refuseRoles(joint.error);
  assert(countChangedVoters(before.voters, joint.value.roles.voters) > 1, "A joint change must change several voters");
  return ok(joint.value.roles);
}

function refuseRoles(error: RoleError): { readonly ok: false; readonly error: ChangeRefusal } {
  const hasNoVoters = error === "removed all voters" || error === "can't make a zero-voter config joint";
  return refuse(hasNoVoters ? "last-voter" : "joint", `Cannot change the members: ${error}`);
}

function findConflict(next: Membership): ChangeRefusal | undefined {
  return findAddressConflict(next) ?? findVersionConflict(next) ?? findNonVoterConflict(next);
}

/** A pair that is only in the outgoing half is on its way out: its address may be given to another. */
function findAddressConflict(next: Membership): ChangeRefusal | undefined {
  const owners = new Map<string, MemberKey>();
  for (const key of [...next.voters, ...next.learners, ...next.learnersNext]) {
    const { address } = defined(next.members.get(key), `The member ${key}`);
    if (address === "") continue;
    const owner = owners.get(address);
    if (owner !== undefined) {
      return { code: "address-in-use", reason: `Cannot give ${address} to ${key} as ${owner} has it` };
    }
    owners.set(address, key);
  }
  return undefined;
}

function findVersionConflict(next: Membership): ChangeRefusal | undefined {
  for (const [key, member] of next.members) {
    if (member.commandVersion >= next.clusterVersion) continue;
    return {
      code: "unsupported-version",
      reason: `Cannot have ${key} at cluster version ${next.clusterVersion} as it understands at most ${member.commandVersion}`,
    };
  }
  return undefined;
}

function findNonVoterConflict(next: Membership): ChangeRefusal | undefined {
  const key = next.voters.find((voter) => next.members.get(voter)?.nonVoter === true);
  if (key === undefined) return undefined;
  return { code: "invalid-target", reason: `Cannot make ${key} a non-voter for good as it must be demoted first` };
}

function rolesOf(membership: Membership): Roles {
  return {
    voters: new Set(membership.voters),
    outgoing: new Set(membership.outgoing),
    learners: new Set(membership.learners),
    learnersNext: new Set(membership.learnersNext),
    autoLeave: membership.autoLeave,
  };
}

interface Metadata {
  readonly members: ReadonlyMap<MemberKey, Member>;
  readonly clusterVersion: number;
  /** Where removed members that still count in the outgoing half are looked up. */
  readonly before?: Membership;
}

/** Everything in key order, so that equal memberships are equal in every detail. */
function assemble(roles: Roles, metadata: Metadata): Membership {
  const members = new Map<MemberKey, Member>();
  for (const key of sorted(new Set([...roles.voters, ...roles.outgoing, ...roles.learners]))) {
    const member = metadata.members.get(key) ?? metadata.before?.members.get(key);
    members.set(key, defined(member, `The member ${key}`));
  }
  return {
    voters: sorted(roles.voters),
    outgoing: sorted(roles.outgoing),
    learners: sorted(roles.learners),
    learnersNext: sorted(roles.learnersNext),
    autoLeave: true,
    members,
    clusterVersion: metadata.clusterVersion,
  };
}

function sorted(keys: ReadonlySet<MemberKey>): MemberKey[] {
  return [...keys].toSorted((a, b) => (a < b ? -1 : Number(a > b)));
}

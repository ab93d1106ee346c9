import type { MemberKey } from "../base/index.ts";
import { changeProblem, gateProblem, quorumProblem } from "./change-gate.ts";
import { hasCommittedOwnTerm } from "./commit.ts";
import type { RaftEvent } from "./event.ts";
import { becomeFollower } from "./follower.ts";
import { appendMembership } from "./leader.ts";
import { applyChanges, leaveJoint, type ChangeRefusal } from "./membership-change.ts";
import { encodeMembership } from "./membership-codec.ts";
import { sendEmpty } from "./replicate.ts";
import { isVoterOf } from "./role.ts";
import { send } from "./send.ts";
import type { Leading, State } from "./state.ts";
import { bestTarget, sendTimeoutNow } from "./transfer.ts";
import { isCounted } from "./trust.ts";

type ChangeEvent = Extract<RaftEvent, { kind: "change" }>;

/** Judges a wish and appends the membership it leads to, or nothing. */
export function onChange(s: State, event: ChangeEvent): void {
  const { request } = event;
  const { leading } = s;
  if (leading === undefined) {
    s.out.done(request, { kind: "refused", refusal: { kind: "not-leader", leader: s.leader } });
  } else if (s.isStopping) s.out.done(request, { kind: "refused", refusal: { kind: "stopping" } });
  else if (s.isDiskFull) s.out.done(request, { kind: "refused", refusal: { kind: "disk-full" } });
  else if (leading.transfer !== undefined) {
    s.out.done(request, { kind: "refused", refusal: { kind: "transfer-in-progress" } });
  } else {
    const refusal = tryChange(s, leading, event);
    if (refusal !== undefined) s.out.done(request, { kind: "refused", refusal: { kind: "rejected", ...refusal } });
  }
}

/** What follows from a membership being committed. Checked as a state, so that no crash can lose the moment. */
export function settleMembership(s: State, leading: Leading): void {
  const { effective, committed } = s.members;
  if (effective !== committed || !hasCommittedOwnTerm(s, leading)) return;
  if (effective.membership.outgoing.length > 0) {
    leaveJointState(s, leading);
    return;
  }
  const { change } = leading;
  if (change !== undefined && change.index <= s.commit) {
    leading.change = undefined;
    s.out.done(change.request, { kind: "ok" });
  }
  if (isVoterOf(s, effective.membership)) promoteLearners(s, leading);
  else stopLeading(s, leading);
}

/** Tells pairs that a committed change removed that they are out: nothing else reaches them any more. */
export function tellRemoved(s: State, before: ReadonlyMap<MemberKey, unknown>): void {
  const { membership, index } = s.members.committed;
  for (const key of before.keys()) {
    if (key === s.self || membership.members.has(key)) continue;
    send(s, { to: key }, { kind: "replaced", reason: "removed", at: index, boot: "" });
  }
}

function tryChange(s: State, leading: Leading, event: ChangeEvent): ChangeRefusal | undefined {
  const { effective } = s.members;
  if (event.expectIndex !== undefined && event.expectIndex !== effective.index) {
    return {
      code: "stale-expectation",
      reason: `Cannot change the members of index ${event.expectIndex}: current is ${effective.index}`,
    };
  }
  const early = gateProblem(s, leading);
  if (early !== undefined) return early;
  for (const change of event.changes) {
    const problem = changeProblem(s, leading, change);
    if (problem !== undefined) return problem;
  }
  const next = applyChanges(effective.membership, event.changes, s.log.lastIndex + 1);
  if (!next.ok) return next.error;
  const encoded = encodeMembership(next.value);
  if (isSameBytes(encoded, encodeMembership(effective.membership))) {
    s.out.done(event.request, { kind: "ok" });
    return undefined;
  }
  const late = quorumProblem(s, leading, next.value);
  if (late !== undefined) return late;
  appendMembership(s, leading, encoded);
  leading.change = { request: event.request, index: s.log.lastIndex };
  return undefined;
}

function leaveJointState(s: State, leading: Leading): void {
  appendMembership(s, leading, encodeMembership(leaveJoint(s.members.effective.membership)));
  s.out.mark("joint-left");
  if (leading.change !== undefined) leading.change.index = s.log.lastIndex;
}

/**
 * Makes voters of learners that were added as such and have caught up: at most one at a time, each a simple change.
 * A learner that was a voter before was demoted on purpose and stays.
 */
function promoteLearners(s: State, leading: Leading): void {
  const { membership } = s.members.effective;
  if (membership.learners.length === 0 || s.now < Math.max(leading.promoteAt, s.promotionsHeldUntil)) return;
  if (leading.transfer !== undefined || s.isStopping || s.isDiskFull) return;
  leading.promoteAt = s.now + s.options.timing.heartbeatTimeoutMs / 10;
  for (const key of membership.learners) {
    if (!isReadyToVote(s, leading, key)) continue;
    const next = applyChanges(membership, [{ kind: "promote", key }], s.log.lastIndex + 1);
    if (!next.ok || quorumProblem(s, leading, next.value) !== undefined) continue;
    appendMembership(s, leading, encodeMembership(next.value));
    s.out.mark("learner-promoted");
    return;
  }
}

function isReadyToVote(s: State, leading: Leading, key: MemberKey): boolean {
  const progress = leading.progress.get(key);
  const isFit = progress?.isCaughtUp === true && progress.contact >= s.now - s.options.timing.leaderLeaseTimeoutMs;
  if (!isFit || s.members.effective.membership.members.get(key)?.nonVoter === true) return false;
  return !s.members.wasVoter(key) && isCounted(s, key);
}

/** This leader's own removal or demotion is committed: the others learn so from it, and one of them takes over. */
function stopLeading(s: State, leading: Leading): void {
  for (const progress of leading.progress.values()) sendEmpty(s, leading, progress);
  const target = bestTarget(s, leading);
  if (target !== undefined) sendTimeoutNow(s, target.key);
  becomeFollower(s, s.hard.term, "this node is no voter any more");
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

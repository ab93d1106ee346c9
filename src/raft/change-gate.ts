import { memberKey, unreachable, type MemberKey } from "../base/index.ts";
import { hasCommittedOwnTerm } from "./commit.ts";
import type { ChangeRefusal } from "./membership-change.ts";
import type { Membership, MembershipChange } from "./membership.ts";
import { hasQuorum } from "./quorum.ts";
import type { Leading, State } from "./state.ts";
import { isCounted } from "./trust.ts";

/** Why no membership may be appended now: the last one and an entry of this term must be committed. @see thesis §4.1 */
export function gateProblem(s: State, leading: Leading): ChangeRefusal | undefined {
  const { effective, committed } = s.members;
  if (!hasCommittedOwnTerm(s, leading)) {
    return problem("no-own-term-commit", "Cannot change the members as this leader must commit an entry first");
  }
  if (effective !== committed) {
    return problem("change-in-progress", "Cannot change the members as the last change must be committed first");
  }
  if (effective.membership.outgoing.length > 0) {
    return problem("joint", "Cannot change the members as the last change is not left yet");
  }
  return undefined;
}

/** What the shape of a change does not tell: who is alive, who has caught up, who was a member before. */
export function changeProblem(s: State, leading: Leading, change: MembershipChange): ChangeRefusal | undefined {
  switch (change.kind) {
    case "add-learner":
      return retiredProblem(s, memberKey(change.member.id, change.member.incarnation));
    case "replace":
      return (
        retiredProblem(s, memberKey(change.member.id, change.member.incarnation)) ??
        inUseProblem(s, leading, change.old)
      );
    case "promote":
      return catchUpProblem(s, leading, change.key);
    case "raise-version":
      return versionProblem(s, change.version);
    case "demote":
    case "remove":
    case "update":
      return undefined;
    default:
      return unreachable(change);
  }
}

/**
 * A change that the resulting voters cannot commit would stop the cluster: {A,B,C} with C down must not lose B.
 * Contact is judged by rounds answered within the lease timeout, in both halves, by processes whose connection is up.
 */
export function quorumProblem(s: State, leading: Leading, next: Membership): ChangeRefusal | undefined {
  const since = s.now - s.options.timing.leaderLeaseTimeoutMs;
  const isInContact = (key: MemberKey): boolean => {
    if (key === s.self) return true;
    return (leading.progress.get(key)?.contact ?? -Infinity) >= since && isCounted(s, key) && !isDown(s, key);
  };
  if (hasQuorum(next, isInContact)) return undefined;
  return problem(
    "would-lose-quorum",
    "Cannot change the members as a quorum of the resulting voters must be in contact",
  );
}

/** Its last connection was closed, and it has not come back. */
function isDown(s: State, key: MemberKey): boolean {
  const peer = s.peers.get(key);
  return peer !== undefined && peer.isFromHello && !peer.isConnected;
}

function retiredProblem(s: State, key: MemberKey): ChangeRefusal | undefined {
  if (s.members.retiredAt(key) === undefined) return undefined;
  return problem("in-use", `Cannot add ${key} as it was a member before: it must come with a new incarnation`);
}

/** Two live processes with one id: the one that is a member stays. */
function inUseProblem(s: State, leading: Leading, old: MemberKey): ChangeRefusal | undefined {
  const since = s.now - 2 * s.options.timing.electionTimeoutMs;
  const { contact = -Infinity, since: memberSince = -Infinity } = leading.progress.get(old) ?? {};
  // Who was let in a moment ago, or met this leader a moment ago, has had no time to speak.
  const heardAt = Math.max(s.peers.get(old)?.heardAt ?? -Infinity, contact, memberSince);
  if (old !== s.self && heardAt < since) return undefined;
  return problem("in-use", `Cannot replace ${old} as it must be silent for two election timeouts`);
}

/**
 * There is no way back, so the processes that run now are asked, not what the members were when they were let in: one
 * that was put back to an older release a moment ago would have to stop.
 */
function versionProblem(s: State, version: number): ChangeRefusal | undefined {
  const known = (key: MemberKey): number => {
    if (key === s.self) return s.options.commandVersion;
    const peer = s.peers.get(key);
    return peer?.isConnected === true ? peer.commandVersion : 0;
  };
  for (const key of s.members.effective.membership.members.keys()) {
    const has = known(key);
    if (has >= version) continue;
    const why = has === 0 ? "it must be connected, so that its version is known" : `it understands ${has} at most`;
    return problem("unsupported-version", `Cannot raise the cluster version to ${version} because of ${key}: ${why}`);
  }
  return undefined;
}

function catchUpProblem(s: State, leading: Leading, key: MemberKey): ChangeRefusal | undefined {
  if (!s.members.effective.membership.learners.includes(key)) return undefined;
  if (!isCounted(s, key)) {
    return problem("not-caught-up", `Cannot promote ${key} as what it says does not count: see the log of this leader`);
  }
  if (leading.progress.get(key)?.isCaughtUp === true) return undefined;
  return problem("not-caught-up", `Cannot promote ${key} as it must have caught up within one election timeout`);
}

function problem(code: ChangeRefusal["code"], reason: string): ChangeRefusal {
  return { code, reason };
}

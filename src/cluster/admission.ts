import { memberKey, type Clock, type MemberKey } from "../base/index.ts";
import type { ChangeOutcome, Identity, Member, MembershipChange, RaftNode } from "../node/index.ts";
import type { AdmissionAnswer, Applicant } from "./wire.ts";

/** An admission is one log entry; it is answered within this time or not at all. */
const ADMISSION_MS_MAX = 10_000;

export interface AdmissionOptions {
  readonly node: RaftNode;
  readonly identity: Identity;
  readonly clock: Clock;
}

/**
 * The leader lets a node in, as learner. The same id with another incarnation, or the same address under another id,
 * is a node that lost its disk: the old pair leaves and the new one enters in one change, which the core allows only
 * when the old pair has not been heard and a quorum of the result is in contact.
 */
export function admit(
  options: AdmissionOptions,
  { member, formerCluster }: Applicant,
  done: (answer: AdmissionAnswer) => void,
): void {
  const { node, identity, clock } = options;
  if (formerCluster !== "" && formerCluster !== identity.clusterId) {
    const reason = `it belonged to cluster ${formerCluster}, and this is ${identity.clusterId}`;
    return done({ kind: "refused", code: "other-cluster", reason });
  }
  const { core } = node.status();
  if (core.role !== "leader") {
    const leader = core.leader === undefined ? undefined : core.membership.members.get(core.leader);
    return done({ kind: "ask-leader", address: leader?.address ?? "" });
  }
  const admitted: AdmissionAnswer = { kind: "admitted", clusterId: identity.clusterId, epoch: identity.epoch };
  // Asked again; what it says now changes nothing, since whoever asks has not proved to be that pair.
  if (core.membership.members.has(memberKey(member.id, member.incarnation))) return done(admitted);
  const change = changeFor(core.membership.members, member);
  const old = change.kind === "replace" ? core.membership.members.get(change.old) : undefined;
  node.change({ changes: [change] }, clock.now() + ADMISSION_MS_MAX, (outcome) => {
    const answer = answerFor(outcome, admitted);
    done(answer.kind === "refused" && old !== undefined ? explainInUse(answer, old, member) : answer);
  });
}

function changeFor(members: ReadonlyMap<MemberKey, Member>, member: Member): MembershipChange {
  for (const [old, other] of members) {
    if (other.id === member.id || (other.address !== "" && other.address === member.address)) {
      return { kind: "replace", old, member };
    }
  }
  return { kind: "add-learner", member };
}

/** Two nodes that want one name or one address: the operator must be told which of them is there already. */
function explainInUse(
  answer: Extract<AdmissionAnswer, { kind: "refused" }>,
  old: Member,
  member: Member,
): AdmissionAnswer {
  if (answer.code !== "in-use") return answer;
  const what = old.id === member.id ? `the id ${old.id}` : `the address ${old.address}`;
  const reason = `${what} is in use by a live node, ${old.id} at ${old.address}: give this node another one, or stop that node first`;
  return { ...answer, reason };
}

function answerFor(outcome: ChangeOutcome, admitted: AdmissionAnswer): AdmissionAnswer {
  if (outcome.kind === "ok") return admitted;
  if (outcome.kind === "unknown") return { kind: "refused", code: "outcome_unknown", reason: outcome.reason };
  const { refusal } = outcome;
  if (refusal.kind === "rejected") return { kind: "refused", code: refusal.code, reason: refusal.reason };
  return { kind: "refused", code: refusal.kind, reason: `the leader refused: ${refusal.kind}` };
}

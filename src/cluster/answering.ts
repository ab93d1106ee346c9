import { EMPTY_BYTES, memberKey, type Clock } from "../base/index.ts";
import type { Identity, Member, RaftNode } from "../node/index.ts";
import { admit } from "./admission.ts";
import { abortFormation, acceptFormation, decodeFormationRequest, type FormationStore } from "./formation.ts";
import { decodeInvitation, encodeInvitationAnswer } from "./invitation.ts";
import { answerClaim } from "./other-clusters.ts";
import type { PeerIdentity } from "./peer-calls.ts";
import { decodeAdmission, encodeAdmissionAnswer, encodeStanding } from "./wire.ts";

const [NO, YES] = [Uint8Array.of(0), Uint8Array.of(1)];

export interface AnsweringOptions {
  readonly clock: Clock;
  readonly self: Member;
  readonly isBootstrap: boolean;
  /** `bootstrap_expect`; 0: off. */
  readonly expect: number;
  /** The cluster that this node belonged to before its data was lost; empty: none. */
  readonly formerCluster: string;
  readonly formations: FormationStore;
  /** Undefined: this node belongs to no cluster yet. */
  readonly identity: () => Identity | undefined;
  readonly node: () => RaftNode | undefined;
  /** A leader wants this node in its cluster, and is reached there. */
  readonly onInvited: (address: string) => void;
  readonly onRefused: (refusal: { readonly code: string; readonly reason: string }) => void;
  /** This node serves a cluster that should not be. */
  readonly onClaimed: (reason: string) => void;
}

/** Answers what nodes ask each other about clusters. False: it is no such question. @throws MalformedBytes, RangeError, InvalidId */
export function answerPeer(
  options: AnsweringOptions,
  { method, body, peer }: { readonly method: string; readonly body: Uint8Array; readonly peer: PeerIdentity },
  answer: (body: Uint8Array) => void,
): boolean {
  if (method === "standing") answer(standing(options));
  else if (method === "invite") answer(answerInvitation(options, body));
  else if (method === "form") answer(answerFormation(options, body) ? YES : NO);
  else if (method === "form-abort") {
    abortFormation(options.formations, decodeFormationRequest(body).id);
    answer(NO);
  } else if (method === "admit") answerAdmission(options, body, answer);
  else if (method === "claim") {
    const reason = answerClaim(options, { body, peer });
    answer(EMPTY_BYTES);
    if (reason !== undefined) options.onClaimed(reason);
  } else return false;
  return true;
}

function standing({ self, isBootstrap, expect, formations, formerCluster, ...more }: AnsweringOptions): Uint8Array {
  const identity = more.identity();
  const formation = identity === undefined ? formations.read() : undefined;
  const core = more.node()?.status().core;
  const leader = core?.leader === undefined ? undefined : core.membership.members.get(core.leader);
  return encodeStanding({
    standing: identity !== undefined ? "member" : formerCluster === "" ? "pristine" : "former",
    clusterId: identity?.clusterId ?? formerCluster,
    key: memberKey(self.id, self.incarnation),
    isBootstrapping: identity === undefined && isBootstrap,
    expect,
    formation: formation?.id ?? "",
    isProposer: formation?.isOwn === true,
    leaderAddress: leader?.address ?? "",
  });
}

function answerInvitation(
  { self, formerCluster, identity, onInvited }: AnsweringOptions,
  body: Uint8Array,
): Uint8Array {
  const own = identity();
  if (own !== undefined) {
    const { clusterId, nodeId, incarnation } = own;
    return encodeInvitationAnswer({ kind: "belongs", clusterId, nodeId, incarnation });
  }
  onInvited(decodeInvitation(body));
  return encodeInvitationAnswer({ kind: "free", applicant: { member: self, formerCluster } });
}

/** A node that lost its data is not empty: it must not help to make a cluster without that data. */
function answerFormation({ formations, expect, formerCluster, identity }: AnsweringOptions, body: Uint8Array): boolean {
  const request = decodeFormationRequest(body);
  return formerCluster === "" && identity() === undefined && acceptFormation(formations, request, expect);
}

function answerAdmission(options: AnsweringOptions, body: Uint8Array, answer: (body: Uint8Array) => void): void {
  const [node, identity] = [options.node(), options.identity()];
  if (node === undefined || identity === undefined) {
    return answer(encodeAdmissionAnswer({ kind: "ask-leader", address: "" }));
  }
  admit({ node, identity, clock: options.clock }, decodeAdmission(body), (outcome) => {
    if (outcome.kind === "refused") options.onRefused(outcome);
    answer(encodeAdmissionAnswer(outcome));
  });
}

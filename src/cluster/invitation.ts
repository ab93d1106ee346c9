import { ByteReader, ByteWriter, memberKey, type Clock } from "../base/index.ts";
import type { Identity, RaftNode } from "../node/index.ts";
import { admit } from "./admission.ts";
import type { PeerCalls } from "./peer-calls.ts";
import { decodeAdmission, encodeAdmission, type Applicant } from "./wire.ts";

const VERSION = 1;
const ASK_MS_MAX = 5_000;

/** What a node says that is asked to join: who it is, or to which cluster it belongs already. */
export type InvitationAnswer =
  | { readonly kind: "free"; readonly applicant: Applicant }
  | { readonly kind: "belongs"; readonly clusterId: string; readonly nodeId: string; readonly incarnation: string };

/** The address is where the leader is to be asked for admission. */
export function encodeInvitation(address: string): Uint8Array {
  return new ByteWriter().u8(VERSION).text(address).finish();
}

/** @throws MalformedBytes, RangeError */
export function decodeInvitation(body: Uint8Array): string {
  return start(body).text();
}

export function encodeInvitationAnswer(answer: InvitationAnswer): Uint8Array {
  const out = new ByteWriter().u8(VERSION).text(answer.kind);
  if (answer.kind === "free") out.raw(encodeAdmission(answer.applicant));
  else out.text(answer.clusterId).text(answer.nodeId).text(answer.incarnation);
  return out.finish();
}

/** @throws MalformedBytes, InvalidId, RangeError */
export function decodeInvitationAnswer(body: Uint8Array): InvitationAnswer {
  const reader = start(body);
  const kind = reader.text();
  if (kind === "free") return { kind, applicant: decodeAdmission(reader.raw(reader.remaining)) };
  if (kind === "belongs") {
    return { kind, clusterId: reader.text(), nodeId: reader.text(), incarnation: reader.text() };
  }
  throw new RangeError(`"${kind}" is no answer to an invitation`);
}

function start(body: Uint8Array): ByteReader {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new RangeError(`version ${version} of an invitation is unknown here`);
  return reader;
}

export type InviteOutcome =
  | { readonly kind: "in"; readonly nodeId: string; readonly status: "learner" | "voter" }
  /** Nobody who is one of ours, or another than was asked for, answers there. */
  | { readonly kind: "wrong-address"; readonly reason: string }
  /** A node answers, and one side does not accept the other: a join token, a certificate, a protocol. */
  | { readonly kind: "turned-away"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string; readonly nodeId: string }
  /** The leader has just changed: ask the new one. */
  | { readonly kind: "not-leading" };

export interface InviteOptions {
  readonly node: RaftNode;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly calls: PeerCalls;
  /** Where this node, the leader, is reached by peers. */
  readonly ownAddress: string;
}

/** The leader dials an address (both sides prove themselves there) and lets the node in that answers, as learner. */
export function invite(
  options: InviteOptions,
  asked: { readonly address: string; readonly id: string | undefined },
  done: (outcome: InviteOutcome) => void,
): void {
  const { calls, identity, node, ownAddress } = options;
  const request = { method: "invite", body: encodeInvitation(ownAddress), timeoutMs: ASK_MS_MAX };
  calls.ask(asked.address, request, (outcome) => {
    if (outcome.kind === "not-sent" && outcome.isTurnedAway === true) {
      return done({ kind: "turned-away", reason: outcome.reason });
    }
    if (outcome.kind !== "answer") {
      const wanted = "that node must run, and this leader must reach its peer port";
      return done({ kind: "wrong-address", reason: `no answer (${outcome.reason}); ${wanted}` });
    }
    const answer = tryDecode(outcome.body);
    if (answer === undefined)
      return done({ kind: "wrong-address", reason: "what answers there is no node of this release" });
    const nodeId = answer.kind === "free" ? answer.applicant.member.id : answer.nodeId;
    if (asked.id !== undefined && asked.id !== nodeId) {
      return done({ kind: "wrong-address", reason: `${nodeId} answers there, not ${asked.id}` });
    }
    if (answer.kind === "belongs") {
      const { membership } = node.status().core;
      const key = memberKey(nodeId, answer.incarnation);
      if (answer.clusterId !== identity.clusterId) {
        return done({ kind: "refused", nodeId, reason: `${nodeId} belongs to another cluster, ${answer.clusterId}` });
      }
      if (!membership.members.has(key)) {
        return done({
          kind: "refused",
          nodeId,
          reason: `${nodeId} was removed: it needs an empty data folder to come back`,
        });
      }
      return done({ kind: "in", nodeId, status: membership.voters.includes(key) ? "voter" : "learner" });
    }
    admit(options, answer.applicant, (admission) => {
      if (admission.kind === "admitted") done({ kind: "in", nodeId, status: "learner" });
      else if (admission.kind === "ask-leader") done({ kind: "not-leading" });
      else done({ kind: "refused", nodeId, reason: admission.reason });
    });
  });
}

function tryDecode(body: Uint8Array): InvitationAnswer | undefined {
  try {
    return decodeInvitationAnswer(body);
  } catch {
    return undefined;
  }
}

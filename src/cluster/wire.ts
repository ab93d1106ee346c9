import {
  ByteReader,
  ByteWriter,
  toClusterId,
  toIncarnation,
  toNodeId,
  type ClusterId,
  type Epoch,
  type MemberKey,
} from "../base/index.ts";
import type { Member } from "../node/index.ts";

const VERSION = 1;

/** How a node stands towards clusters, as told to anybody who proves a token or certificate. */
export interface StandingAnswer {
  /** `pristine`: never belonged to one. `former`: its data is gone or untrusted, but it belonged to `clusterId`. */
  readonly standing: "pristine" | "member" | "former";
  /** Empty while pristine. */
  readonly clusterId: string;
  readonly key: MemberKey;
  /** Told to start a cluster by itself. */
  readonly isBootstrapping: boolean;
  /** Waits for so many empty nodes to start a cluster together; 0: does not. */
  readonly expect: number;
  /** The formation that it accepted or proposed; empty: none. */
  readonly formation: string;
  readonly isProposer: boolean;
  /** Peer address of the leader as far as this node knows; empty: none. */
  readonly leaderAddress: string;
}

export function encodeStanding(answer: StandingAnswer): Uint8Array {
  const out = new ByteWriter().u8(VERSION).text(answer.standing).text(answer.clusterId).text(answer.key);
  return out
    .u8(answer.isBootstrapping ? 1 : 0)
    .u32(answer.expect)
    .text(answer.formation)
    .u8(answer.isProposer ? 1 : 0)
    .text(answer.leaderAddress)
    .finish();
}

/** @throws MalformedBytes, InvalidId, RangeError */
export function decodeStanding(body: Uint8Array): StandingAnswer {
  const reader = startReading(body);
  const standing = reader.text();
  if (standing !== "pristine" && standing !== "member" && standing !== "former") {
    throw new RangeError(`"${standing}" is no standing`);
  }
  return {
    standing,
    clusterId: reader.text(),
    key: reader.text(),
    isBootstrapping: reader.u8() === 1,
    expect: reader.u32(),
    formation: reader.text(),
    isProposer: reader.u8() === 1,
    leaderAddress: reader.text(),
  };
}

/** Who asks to be let in. The address is where the leader will dial it. */
export interface Applicant {
  readonly member: Member;
  /** The cluster that it belonged to before its data was lost; empty: none. It may join no other. */
  readonly formerCluster: string;
}

export function encodeAdmission({ member, formerCluster }: Applicant): Uint8Array {
  const out = new ByteWriter().u8(VERSION).text(member.id).text(member.incarnation).text(member.name);
  out.text(member.address).text(member.httpAddress).text(member.zone).text(member.version).u32(member.commandVersion);
  return out
    .u8(member.nonVoter ? 1 : 0)
    .text(member.publicKey)
    .text(formerCluster)
    .finish();
}

/** @throws MalformedBytes, InvalidId */
export function decodeAdmission(body: Uint8Array): Applicant {
  const reader = startReading(body);
  const member = readMember(reader);
  return { member, formerCluster: reader.text() };
}

function readMember(reader: ByteReader): Member {
  return {
    id: toNodeId(reader.text()),
    incarnation: toIncarnation(reader.text()),
    name: reader.text(),
    address: reader.text(),
    httpAddress: reader.text(),
    zone: reader.text(),
    version: reader.text(),
    commandVersion: reader.u32(),
    nonVoter: reader.u8() === 1,
    publicKey: reader.text(),
    admitted: 0,
  };
}

export type AdmissionAnswer =
  | { readonly kind: "admitted"; readonly clusterId: ClusterId; readonly epoch: Epoch }
  /** Ask the leader instead; empty: none is known now. */
  | { readonly kind: "ask-leader"; readonly address: string }
  | { readonly kind: "refused"; readonly code: string; readonly reason: string };

export function encodeAdmissionAnswer(answer: AdmissionAnswer): Uint8Array {
  const out = new ByteWriter().u8(VERSION).text(answer.kind);
  if (answer.kind === "admitted") out.text(answer.clusterId).u53(answer.epoch.counter).text(answer.epoch.random);
  else if (answer.kind === "ask-leader") out.text(answer.address);
  else out.text(answer.code).text(answer.reason);
  return out.finish();
}

/** @throws MalformedBytes, InvalidId, RangeError */
export function decodeAdmissionAnswer(body: Uint8Array): AdmissionAnswer {
  const reader = startReading(body);
  const kind = reader.text();
  if (kind === "admitted") {
    const clusterId = toClusterId(reader.text());
    return { kind, clusterId, epoch: { counter: reader.u53(), random: reader.text() } };
  }
  if (kind === "ask-leader") return { kind, address: reader.text() };
  if (kind === "refused") return { kind, code: reader.text(), reason: reader.text() };
  throw new RangeError(`"${kind}" is no answer to a request for admission`);
}

function startReading(body: Uint8Array): ByteReader {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new RangeError(`version ${version} of the peer calls is unknown here`);
  return reader;
}

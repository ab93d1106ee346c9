import {
  ByteReader,
  ByteWriter,
  MalformedBytes,
  memberKey,
  toBootId,
  toIncarnation,
  toNodeId,
  type BootId,
  type Epoch,
  type Incarnation,
  type MemberKey,
  type NodeId,
} from "../base/index.ts";

/** Wire protocol versions that this binary speaks. */
export const PROTOCOL_MIN = 1;
export const PROTOCOL_MAX = 1;
export const NONCE_BYTES = 32;

/**
 * `peer`: Raft messages and calls between members of one cluster. `snapshot`: one transfer. `ask`: calls only, from
 * anybody who proves a token or certificate: how a node that belongs to no cluster yet finds one.
 */
const PURPOSES = ["peer", "snapshot", "ask"] as const;
export type Purpose = (typeof PURPOSES)[number];

/** A place in the bytes that protocol 1 has, and that nobody reads. */
const RESERVED = 0;

/** What each side says of itself before anything else. */
export interface Introduction {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly purpose: Purpose;
  /** Empty: belongs to no cluster. */
  readonly clusterId: string;
  readonly epoch: Epoch;
  readonly id: NodeId;
  /** The node's name, which a certificate may be for. */
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly boot: BootId;
  /** Who is meant; empty: whoever answers. */
  readonly to: MemberKey;
  /** Transactions that this data folder held when the process started. */
  readonly seq: number;
  readonly version: string;
  readonly commandVersion: number;
  /** HOST:PORT at which the speaker's peer port is reached. */
  readonly address: string;
  /** Of the key with which the speaker signs the handshake; empty: it signs nothing. */
  readonly publicKey: string;
  readonly nonce: Uint8Array;
}

export function keyOf(introduction: { readonly id: NodeId; readonly incarnation: Incarnation }): MemberKey {
  return memberKey(introduction.id, introduction.incarnation);
}

export function encodeIntroduction(said: Introduction): Uint8Array {
  const out = new ByteWriter();
  out.u16(said.protocolMin).u16(said.protocolMax).u8(PURPOSES.indexOf(said.purpose)).text(said.clusterId);
  out
    .u53(said.epoch.counter)
    .text(said.epoch.random)
    .text(said.id)
    .text(said.name)
    .text(said.incarnation)
    .text(said.boot);
  out.text(said.to).u53(said.seq).u53(RESERVED).text(said.version).u32(said.commandVersion);
  return out.text(said.address).text(said.publicKey).bytes(said.nonce).finish();
}

/** @throws MalformedBytes, InvalidId */
export function decodeIntroduction(reader: ByteReader): Introduction {
  const protocolMin = reader.u16();
  const protocolMax = reader.u16();
  const purpose = PURPOSES[reader.u8()];
  if (purpose === undefined) throw new MalformedBytes("Cannot read an introduction of unknown purpose");
  const who = {
    protocolMin,
    protocolMax,
    purpose,
    clusterId: readClusterId(reader),
    epoch: { counter: reader.u53(), random: reader.text(16) },
    id: toNodeId(reader.text(64)),
    name: reader.text(256),
    incarnation: toIncarnation(reader.text(16)),
    boot: toBootId(reader.text(16)),
    to: reader.text(96),
    seq: reader.u53(),
  };
  reader.u53();
  return {
    ...who,
    version: reader.text(64),
    commandVersion: reader.u32(),
    address: reader.text(256),
    publicKey: reader.text(128),
    nonce: readNonce(reader),
  };
}

function readClusterId(reader: ByteReader): string {
  const value = reader.text(32);
  if (!/^([0-9a-f]{32})?$/.test(value)) throw new MalformedBytes("Cannot read a malformed cluster id");
  return value;
}

function readNonce(reader: ByteReader): Uint8Array {
  const nonce = reader.bytes(NONCE_BYTES);
  if (nonce.length !== NONCE_BYTES) throw new MalformedBytes(`Cannot read a nonce of ${nonce.length} bytes`);
  return nonce;
}

export function introductionFrom(body: Uint8Array): Introduction {
  const reader = new ByteReader(body);
  const introduction = decodeIntroduction(reader);
  reader.end();
  return introduction;
}

import { type ByteReader, type ByteWriter, MalformedBytes, toClusterId } from "../base/index.ts";
import { decodeMembership, encodeMembership } from "./membership-codec.ts";
import { readPairSeqs, writePairSeqs } from "./pair-seq.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";

const META_VERSION = 1;

/** The metadata as stored in snapshots.db and sent before the first chunk. */
export function writeSnapshotMeta(out: ByteWriter, meta: SnapshotMeta): void {
  out.u8(META_VERSION).text(meta.id).text(meta.clusterId).u53(meta.epoch.counter).text(meta.epoch.random);
  out.u53(meta.index).u53(meta.term).u32(meta.chain).u53(meta.time);
  out.bytes(encodeMembership(meta.membership)).u53(meta.membershipIndex);
  writePairSeqs(out, meta.seqs);
  out.u53(meta.sizeBytes).text(meta.sha256).text(meta.stateHash).u32(meta.hashVersion).u32(meta.format);
  out.u8(meta.origin === "local" ? 0 : 1);
}

/** @throws MalformedBytes */
export function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const version = reader.u8();
  if (version !== META_VERSION) throw new MalformedBytes(`Cannot read snapshot metadata of version ${version}`);
  return {
    id: reader.text(),
    clusterId: toClusterId(reader.text()),
    epoch: { counter: reader.u53(), random: reader.text() },
    index: reader.u53(),
    term: reader.u53(),
    chain: reader.u32(),
    time: reader.u53(),
    membership: decodeMembership(reader.bytes()),
    membershipIndex: reader.u53(),
    seqs: readPairSeqs(reader),
    sizeBytes: reader.u53(),
    sha256: reader.text(),
    stateHash: reader.text(),
    hashVersion: reader.u32(),
    format: reader.u32(),
    origin: reader.u8() === 0 ? "local" : "received",
  };
}

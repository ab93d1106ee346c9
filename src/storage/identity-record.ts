import { ByteReader, ByteWriter, crc32, MalformedBytes, toClusterId, toIncarnation, toNodeId } from "../base/index.ts";
import type { Identity } from "../node/index.ts";

const VERSION = 1;

export function encodeIdentity(identity: Identity): Uint8Array {
  const out = new ByteWriter().u8(VERSION).text(identity.clusterId).u53(identity.epoch.counter);
  out.text(identity.epoch.random).text(identity.nodeId).text(identity.incarnation);
  return out.u32(crc32(out.view())).finish();
}

/** @throws MalformedBytes, InvalidId */
export function decodeIdentity(bytes: Uint8Array): Identity {
  const body = bytes.subarray(0, Math.max(0, bytes.length - 4));
  if (crc32(body) !== new ByteReader(bytes.subarray(body.length)).u32()) {
    throw new MalformedBytes("the identity's checksum does not match");
  }
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedBytes(`the identity has the unknown version ${version}`);
  return {
    clusterId: toClusterId(reader.text()),
    epoch: { counter: reader.u53(), random: reader.text() },
    nodeId: toNodeId(reader.text()),
    incarnation: toIncarnation(reader.text()),
  };
}

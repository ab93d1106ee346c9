import { CLUSTER_VERSION_MAX, VERSION } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { DEFAULT_NODE_LIMITS, type Identity, type Member, type RaftNodeOptions } from "../node/index.ts";
import type { ReplicaLimits } from "../replica/index.ts";
import { parseHostPort } from "../transport/index.ts";
import { mintIncarnation } from "./identity.ts";
import { randomHex } from "./random-hex.ts";

/** This node as the membership knows it, or will know it. */
export function ownMember(
  config: Config,
  identity: (Pick<Identity, "nodeId"> & Partial<Pick<Identity, "incarnation">>) | undefined,
): Member {
  const { raft } = config;
  const minted = raft.nodeId === "" ? `node-${randomHex(4)}` : raft.nodeId;
  return {
    id: identity?.nodeId ?? minted,
    incarnation: identity?.incarnation ?? mintIncarnation(),
    name: raft.nodeName,
    address: raft.isEnabled ? raft.advertiseAddress : "",
    httpAddress: httpAddressOf(config),
    zone: raft.zone,
    version: VERSION,
    commandVersion: CLUSTER_VERSION_MAX,
    nonVoter: raft.isNonVoter,
    admitted: 0,
    publicKey: "",
  };
}

/** Where clients are sent; with the scheme where it is not the usual one. */
function httpAddressOf({ httpAdvertiseAddress, host, port, tls, raft }: Config): string {
  // Who listens everywhere is reached where its peers reach it.
  const reached = (["0.0.0.0", "::", ""].includes(host) ? parseHostPort(raft.advertiseAddress)?.host : host) ?? host;
  const own = `${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
  const address = httpAdvertiseAddress === "" ? own : httpAdvertiseAddress;
  return tls.isEnabled && !address.includes("://") ? `https://${address}` : address;
}

export function replicaLimits({ limits }: Config): ReplicaLimits {
  return {
    requestTimeoutMs: limits.requestTimeoutMs,
    waitMsMax: limits.waitMsMax,
    watchersMax: limits.watchersMax,
    stateBytesMax: limits.stateBytesMax,
  };
}

const MIB = 1024 * 1024;

export function raftSettings(
  config: Config,
): Pick<RaftNodeOptions, "timing" | "raftLimits" | "limits" | "snapshotPolicy"> {
  const { raft, limits } = config;
  const { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs } = raft;
  return {
    timing: { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs },
    raftLimits: {
      inflightCountMax: 256,
      inflightBytesMax: 16 * MIB,
      messageBytesMax: MIB,
      unappliedBytesMax: limits.inflightBytesMax,
      // Some seconds of writes. More would only be older objects for the collector to walk over, and a disk read is cheap.
      cacheBytesMax: 8 * MIB,
      snapshotSendsMax: config.snapshots.sendsMax,
    },
    limits: { ...DEFAULT_NODE_LIMITS, waitingBytesMax: limits.inflightBytesMax },
    snapshotPolicy: {
      intervalMs: raft.snapshotIntervalMs,
      thresholdEntries: raft.snapshotThreshold,
      thresholdBytes: raft.snapshotLogBytes,
      trailingEntries: raft.trailingLogs,
      trailingBytes: 2 * raft.snapshotLogBytes,
      // Small ones take two milliseconds.
      trimStepEntries: 512,
    },
  };
}

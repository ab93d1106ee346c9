import { memberKey, type LogIndex, type MemberKey } from "../../base/index.ts";
import {
  chainAfter,
  chainStart,
  EMPTY_MEMBERSHIP,
  encodeMembership,
  type Entry,
  type Member,
  type SnapshotMeta,
} from "../../raft/index.ts";
import type { RaftNode } from "../node-types.ts";
import { DEFAULT_NODE_LIMITS, type RaftNodeOptions, type SnapshotPolicy } from "../options.ts";
import type { Identity, StoredState } from "../ports.ts";
import { openRaftNode } from "../raft-node.ts";

export const IDENTITY: Identity = {
  clusterId: "0".repeat(32),
  epoch: { counter: 1, random: "00000000" },
  nodeId: "n",
  incarnation: "0000000000000001",
};

/** The only voter. */
export const SELF: Member = {
  id: IDENTITY.nodeId,
  incarnation: IDENTITY.incarnation,
  name: "n",
  address: "",
  httpAddress: "",
  zone: "",
  version: "0",
  commandVersion: 1,
  nonVoter: false,
  admitted: 1,
  publicKey: "",
};

/** What the log holds of a cluster that was just founded: its membership, with these learners beside the only voter. */
export function foundedLog(learners: readonly Member[] = []): StoredState {
  const first: Omit<Entry, "chain"> = {
    index: 1,
    term: 1,
    kind: "membership",
    time: 0,
    data: encodeMembership({
      ...EMPTY_MEMBERSHIP,
      voters: [keyOf(SELF)],
      learners: learners.map(keyOf),
      members: new Map([...learners, SELF].map((one) => [keyOf(one), one])),
    }),
  };
  const base = { index: 0, term: 0, chain: chainStart(IDENTITY.clusterId, IDENTITY.epoch), time: 0 };
  return {
    identity: IDENTITY,
    hard: { term: 1, vote: undefined },
    seq: 1,
    commitHint: 0,
    base,
    entries: [{ ...first, chain: chainAfter(base.chain, first) }],
  };
}

/** Of a snapshot that this node took. */
export function snapshotMeta(index: LogIndex, more: Partial<SnapshotMeta> = {}): SnapshotMeta {
  return {
    id: `1-${index}-0`,
    clusterId: IDENTITY.clusterId,
    epoch: IDENTITY.epoch,
    index,
    term: 1,
    chain: 0,
    time: 0,
    membership: EMPTY_MEMBERSHIP,
    membershipIndex: 1,
    seqs: [],
    stateHash: "",
    hashVersion: 1,
    format: 1,
    origin: "local",
    sizeBytes: 1,
    sha256: "",
    ...more,
  };
}

/** The ports that a test watches or breaks, and the settings that it is about. */
export interface ClusterOfOneOptions extends Pick<
  RaftNodeOptions,
  "stored" | "clock" | "log" | "snapshots" | "transport" | "machine" | "random"
> {
  readonly cacheBytesMax: number;
  /** What is not named here makes no snapshot, and no number of bytes cuts the log. */
  readonly snapshotPolicy: Partial<SnapshotPolicy>;
}

/** The node is not started. @throws Error when it does not open within this call */
export function openClusterOfOne({ cacheBytesMax, snapshotPolicy, ...given }: ClusterOfOneOptions): RaftNode {
  let opened: RaftNode | undefined;
  openRaftNode(
    {
      ...given,
      self: keyOf(SELF),
      boot: "00000000000000bb",
      identity: IDENTITY,
      timing: { heartbeatTimeoutMs: 1000, electionTimeoutMs: 1000, leaderLeaseTimeoutMs: 500 },
      raftLimits: {
        inflightCountMax: 64,
        inflightBytesMax: 1 << 22,
        messageBytesMax: 1 << 20,
        unappliedBytesMax: 1 << 26,
        cacheBytesMax,
        snapshotSendsMax: 2,
      },
      limits: DEFAULT_NODE_LIMITS,
      snapshotPolicy: {
        intervalMs: 1e9,
        thresholdEntries: 1e9,
        thresholdBytes: 1e12,
        trailingEntries: 10,
        trailingBytes: 1e12,
        trimStepEntries: 512,
        ...snapshotPolicy,
      },
      commandVersion: 1,
      note: () => undefined,
    },
    (result) => {
      if (result.ok) opened = result.value;
    },
  );
  if (opened === undefined) throw new Error("the node did not open");
  return opened;
}

function keyOf({ id, incarnation }: Member): MemberKey {
  return memberKey(id, incarnation);
}

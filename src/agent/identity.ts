import { randomHex } from "./random-hex.ts";
import { chainAfter, chainStart, encodeMembership, type Entry, type Member, type Membership } from "../raft/index.ts";
import { memberKey, type BootId, type ClusterId, type Epoch, type Incarnation } from "../base/index.ts";
import type { Identity, StoredState } from "../node/index.ts";

export function mintBootId(): BootId {
  return randomHex(8);
}

export function mintIncarnation(): Incarnation {
  return randomHex(8);
}

export function mintClusterId(): ClusterId {
  return randomHex(16);
}

/** A new cluster: its identity and its first entry, the membership of one voter. */
export function createCluster(
  self: Member,
  peerSecret: string,
): { readonly identity: Identity; readonly first: StoredState } {
  const identity: Identity = {
    clusterId: mintClusterId(),
    epoch: { counter: 1, random: randomHex(4) },
    nodeId: self.id,
    incarnation: self.incarnation,
    peerSecret,
  };
  const key = memberKey(self.id, self.incarnation);
  const membership: Membership = {
    voters: [key],
    outgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: true,
    members: new Map([[key, { ...self, admitted: 1 }]]),
    clusterVersion: 1,
  };
  const base = { index: 0, term: 0, chain: chainStart(identity.clusterId, identity.epoch), time: 0 };
  const entry: Omit<Entry, "chain"> = {
    index: 1,
    term: 1,
    kind: "membership",
    time: 0,
    data: encodeMembership(membership),
  };
  const first: StoredState = {
    identity,
    hard: { term: 1, vote: undefined },
    seq: 1,
    commitHint: 0,
    base,
    entries: [{ ...entry, chain: chainAfter(base.chain, entry) }],
  };
  return { identity, first };
}

/** A member of somebody else's cluster, with an empty log: everything comes from the leader. */
export function joinCluster(
  self: Member,
  cluster: { readonly clusterId: ClusterId; readonly epoch: Epoch },
  peerSecret: string,
): { readonly identity: Identity; readonly first: StoredState } {
  const { clusterId, epoch } = cluster;
  const identity: Identity = { clusterId, epoch, nodeId: self.id, incarnation: self.incarnation, peerSecret };
  const base = { index: 0, term: 0, chain: chainStart(clusterId, epoch), time: 0 };
  const first = { identity, hard: { term: 0, vote: undefined }, seq: 1, commitHint: 0, base, entries: [] };
  return { identity, first };
}

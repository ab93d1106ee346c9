import {
  err,
  memberKey,
  ok,
  type BootId,
  type ClusterId,
  type Epoch,
  type Incarnation,
  type Result,
} from "../base/index.ts";
import type { Formed } from "../cluster/index.ts";
import type { Config } from "../config/index.ts";
import type { Identity, LogStore, StoredState } from "../node/index.ts";
import { chainAfter, chainStart, encodeMembership, type Entry, type Member, type Membership } from "../raft/index.ts";
import { mintPeerKey, NO_PEER_KEY, peerKeyOf, type PeerKey } from "../transport/index.ts";
import { randomHex } from "./random-hex.ts";

export function mintBootId(): BootId {
  return randomHex(8);
}

export function mintIncarnation(): Incarnation {
  return randomHex(8);
}

export function mintClusterId(): ClusterId {
  return randomHex(16);
}

/** A new incarnation gets a new key; one that was admitted without a key never gets one. */
export function peerKeyFor(known: Identity | undefined): PeerKey {
  if (known === undefined) return mintPeerKey();
  return known.peerSecret === undefined ? NO_PEER_KEY : peerKeyOf(known.peerSecret);
}

export interface Identifying {
  readonly log: LogStore;
  readonly self: Member;
  readonly peerKey: PeerKey;
  readonly form: () => Promise<Formed>;
}

export type Identified = Result<{ readonly identity: Identity; readonly stored: StoredState }, string>;

/** Who this folder is; a folder without identity joins a cluster, or becomes a new one. */
export async function identify(config: Config, { log, self, peerKey, form }: Identifying): Promise<Identified> {
  const { initial } = log;
  if (initial.identity !== undefined) return ok({ identity: initial.identity, stored: initial });
  const formed = await form();
  if (formed.kind === "stop") return err(formed.reason);
  const { secret } = peerKey;
  const { identity, first } =
    formed.kind === "create" ? createCluster(self, secret) : joinCluster(self, formed, secret);
  return new Promise((resolve) => {
    log.bootstrap(identity, { hard: first.hard, entries: first.entries }, (result) => {
      if (result.ok) resolve(ok({ identity, stored: { ...first, seq: result.value.seq } }));
      else resolve(err(`Cannot write to the data folder ${config.dataDir}: ${result.error.message}`));
    });
  });
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

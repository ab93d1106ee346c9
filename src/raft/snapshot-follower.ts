import { assert, isSameEpoch } from "../base/index.ts";
import { commitTo } from "./commit.ts";
import type { RaftEvent } from "./event.ts";
import { becomeFollower, heardLeader, retryForwardedReads } from "./follower.ts";
import { publishMembership } from "./role.ts";
import { learnSeq } from "./rollback.ts";
import { send } from "./send.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";
import type { State } from "./state.ts";

type Received = Extract<RaftEvent, { kind: "snapshot-received" }>;

/** A snapshot of the leader lies complete on this disk. The log follows it, or ignores it. @see Raft §7, Figure 13 */
export function onSnapshotReceived(s: State, { from, term, session, meta }: Received): void {
  const { clusterId, epoch } = s.options;
  if (meta.clusterId !== clusterId || !isSameEpoch(meta.epoch, epoch)) {
    s.out.observe({ kind: "dropped", reason: "a snapshot of another cluster", from });
    return;
  }
  if (meta.membership.clusterVersion > s.options.commandVersion) {
    s.out.observe({ kind: "version-unknown", version: meta.membership.clusterVersion });
    return;
  }
  if (term < s.hard.term || s.leading !== undefined) {
    send(s, { to: from }, { kind: "stale-term" });
    return;
  }
  if (term > s.hard.term) becomeFollower(s, term, `${from} leads`);
  heardLeader(s, from, s.leaderBoot ?? s.peers.get(from)?.boot ?? "");
  for (const told of meta.seqs) learnSeq(s, told);
  if (meta.index > s.commit) take(s, meta, from);
  const index = Math.min(s.commit, Math.max(meta.index, s.durability.index));
  send(s, { to: from, durableTo: index }, { kind: "snapshot-reply", session, index, ok: true });
}

/** The state machine holds the snapshot. */
export function onSnapshotInstalled(s: State, index: number): void {
  if (s.installing !== index) return;
  s.installing = undefined;
  s.applied = Math.max(s.applied, index);
}

function take(s: State, meta: SnapshotMeta, from: string): void {
  const known = s.log.pointAt(meta.index);
  if (known?.term === meta.term) {
    if (known.chain === meta.chain) {
      // The log leads to the same state: it stays, and applying goes on.
      commitTo(s, meta.index);
      s.out.mark("snapshot-suffix-kept");
    } else s.out.observe({ kind: "diverged", index: meta.index, term: meta.term, peer: from });
    return;
  }
  install(s, meta);
}

function install(s: State, meta: SnapshotMeta): void {
  assert(meta.index > s.applied, "A snapshot must not take the state back");
  const { index, term, chain, time, membership, membershipIndex } = meta;
  s.log.reset({ index, term, chain, time });
  s.durability.onReset();
  s.out.reset(meta);
  s.out.installSnapshot = meta;
  s.members.reset({ index: membershipIndex, membership });
  s.commit = index;
  s.snapshot = meta;
  s.installing = index;
  s.isLoading = false;
  retryForwardedReads(s);
  publishMembership(s);
  s.out.mark("snapshot-installed");
}

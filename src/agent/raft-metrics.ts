import type { RaftNode } from "../node/index.ts";
import { parseMemberKey } from "../base/index.ts";
import type { Metrics } from "../telemetry/index.ts";
import type { Replica } from "../replica/index.ts";

const STATE: Readonly<Record<string, number>> = {
  leader: 1,
  follower: 0,
  candidate: 2,
  "pre-candidate": 2,
  learner: 3,
  removed: 3,
};

export interface Observed {
  readonly node: RaftNode;
  readonly replica: Replica;
  /** A peer that was not heard for longer is not up. */
  readonly contactMsMax: number;
}

/** Feeds what the node measures, and reads the rest before each scrape. Returns the end of it. */
export function observeRaft(metrics: Metrics, { node, replica, contactMsMax }: Observed): () => void {
  const fsync = metrics.histogram("konsul_raft_fsync_duration_seconds", {});
  const apply = metrics.histogram("konsul_raft_apply_time_seconds", {});
  const commit = metrics.histogram("konsul_raft_commit_time_seconds", {});
  const entries = metrics.counter("konsul_raft_log_entries_total", {});
  const proposals = {
    applied: metrics.counter("konsul_raft_proposals_total", { outcome: "applied" }),
    refused: metrics.counter("konsul_raft_proposals_total", { outcome: "refused" }),
    unknown: metrics.counter("konsul_raft_proposals_total", { outcome: "unknown" }),
  };
  node.observe({
    onObservation: (observation) => {
      if (observation.kind === "leader" && observation.leader !== undefined)
        metrics.increase("konsul_raft_leader_changes_total");
      if (observation.kind === "role" && observation.role === "candidate")
        metrics.increase("konsul_raft_elections_total");
    },
    onPersist: (persisted) => {
      fsync.observe(persisted.durationMs / 1000);
      entries.increase(persisted.entries);
    },
    onApply: ({ durationMs }) => apply.observe(durationMs / 1000),
    onCommit: ({ durationMs }) => commit.observe(durationMs / 1000),
    onSnapshot: ({ durationMs }) => metrics.observe("konsul_raft_snapshot_duration_seconds", durationMs / 1000),
    onProposal: (outcome) => proposals[outcome].increase(),
  });
  return metrics.onScrape(() => {
    setCoreGauges(metrics, node);
    setPeerGauges(metrics, node, contactMsMax);
    metrics.set("konsul_kv_keys", replica.fsm.keyCount());
    metrics.set("konsul_services", replica.fsm.services.count);
    metrics.set("konsul_sessions", replica.fsm.sessions.count);
    metrics.set("konsul_state_bytes", replica.fsm.stateBytes());
    metrics.set("konsul_watchers", replica.watcherCount);
    metrics.set("konsul_raft_last_contact_seconds", Math.min(replica.stance().lastContactMs, 1e9) / 1000);
  });
}

function setCoreGauges(metrics: Metrics, node: RaftNode): void {
  const { core, condition } = node.status();
  const { voters } = core.membership;
  metrics.set("konsul_raft_state", STATE[core.role] ?? 0);
  metrics.set("konsul_raft_term", core.term);
  metrics.set("konsul_raft_commit_index", core.commit);
  metrics.set("konsul_raft_applied_index", core.applied);
  metrics.set("konsul_raft_log_size_bytes", node.logSizeBytes());
  metrics.set("konsul_raft_has_leader", core.leader === undefined ? 0 : 1);
  metrics.set("konsul_raft_voters", voters.length);
  metrics.set("konsul_raft_quorum_size", Math.floor(voters.length / 2) + 1);
  metrics.set("konsul_raft_peers", Math.max(0, core.membership.members.size - 1));
  metrics.set("konsul_raft_duplicate_members", core.duplicates.length);
  metrics.set("konsul_storage_untrusted", condition.kind === "untrusted" ? 1 : 0);
}

function setPeerGauges(metrics: Metrics, node: RaftNode, contactMsMax: number): void {
  const { core, now, self } = node.status();
  metrics.reset("konsul_raft_peer_up");
  metrics.reset("konsul_raft_replication_lag_entries");
  // A node that led once would go on saying what it knew then, and hide what the leader says now.
  metrics.reset("konsul_raft_healthy_voters");
  if (core.role !== "leader") return;
  let healthy = core.membership.voters.includes(self) ? 1 : 0;
  for (const { key, match, lastContact } of core.peers) {
    const peer = parseMemberKey(key).id;
    const isUp = now - lastContact <= contactMsMax;
    metrics.set("konsul_raft_peer_up", isUp ? 1 : 0, { peer });
    metrics.set("konsul_raft_replication_lag_entries", Math.max(0, core.lastIndex - match), { peer });
    if (isUp && core.membership.voters.includes(key)) healthy += 1;
  }
  metrics.set("konsul_raft_healthy_voters", healthy);
}

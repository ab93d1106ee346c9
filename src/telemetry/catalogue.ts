/** Every metric there is. Names and labels are a promise to dashboards and alerts. */
export interface MetricEntry {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: readonly string[];
}

export const CATALOGUE = [
  { name: "konsul_raft_state", kind: "gauge", help: "Role of this node: leader 1, follower 0, candidate 2, learner 3" },
  { name: "konsul_raft_leader_changes_total", kind: "counter", help: "Times this node heard of a new leader" },
  { name: "konsul_raft_elections_total", kind: "counter", help: "Elections that this node started" },
  { name: "konsul_raft_commit_time_seconds", kind: "histogram", help: "From a proposal on the leader to its answer" },
  { name: "konsul_raft_apply_time_seconds", kind: "histogram", help: "Time to apply one batch of entries" },
  { name: "konsul_raft_log_entries_total", kind: "counter", help: "Entries written to this node's log" },
  { name: "konsul_raft_log_size_bytes", kind: "gauge", help: "Bytes of the log" },
  { name: "konsul_raft_snapshot_duration_seconds", kind: "histogram", help: "Time to take a snapshot" },
  { name: "konsul_raft_peers", kind: "gauge", help: "Members of the cluster besides this node" },
  { name: "konsul_raft_last_contact_seconds", kind: "gauge", help: "Since the leader was last heard" },
  { name: "konsul_raft_term", kind: "gauge", help: "Current term" },
  { name: "konsul_raft_commit_index", kind: "gauge", help: "Highest committed index known here" },
  { name: "konsul_raft_applied_index", kind: "gauge", help: "Highest index applied here" },
  {
    name: "konsul_raft_replication_lag_entries",
    kind: "gauge",
    help: "Entries that a peer is behind, on the leader",
    labels: ["peer"],
  },
  { name: "konsul_raft_peer_up", kind: "gauge", help: "1: the peer is in contact, on the leader", labels: ["peer"] },
  { name: "konsul_raft_fsync_duration_seconds", kind: "histogram", help: "Time of one durable transaction" },
  { name: "konsul_raft_proposals_total", kind: "counter", help: "Proposals by outcome", labels: ["outcome"] },
  { name: "konsul_raft_has_leader", kind: "gauge", help: "1: this node knows a leader" },
  { name: "konsul_raft_voters", kind: "gauge", help: "Voters in the membership in force" },
  { name: "konsul_raft_quorum_size", kind: "gauge", help: "Voters that must agree" },
  { name: "konsul_raft_healthy_voters", kind: "gauge", help: "Voters in contact, on the leader" },
  {
    name: "konsul_http_requests_total",
    kind: "counter",
    help: "Requests answered",
    labels: ["method", "route", "status"],
  },
  {
    name: "konsul_http_request_duration_seconds",
    kind: "histogram",
    help: "Time to answer a request",
    labels: ["method", "route"],
  },
  { name: "konsul_http_requests_in_flight", kind: "gauge", help: "Requests being answered" },
  { name: "konsul_kv_keys", kind: "gauge", help: "Keys in the store" },
  { name: "konsul_kv_operations_total", kind: "counter", help: "Key-value operations", labels: ["operation"] },
  { name: "konsul_watchers", kind: "gauge", help: "Reads that wait for a change" },
  { name: "konsul_services", kind: "gauge", help: "Registered instances of services" },
  {
    name: "konsul_tls_certificate_expiry_seconds",
    kind: "gauge",
    help: "Seconds until the certificate of a port expires",
    labels: ["use"],
  },
  { name: "konsul_sessions", kind: "gauge", help: "Sessions that have not ended" },
  { name: "konsul_service_heartbeats_total", kind: "counter", help: "Heartbeats that this node took as leader" },
  {
    name: "konsul_expired_services_total",
    kind: "counter",
    help: "Instances that turned critical without a heartbeat",
  },
  {
    name: "konsul_checks_run_total",
    kind: "counter",
    help: "HTTP and TCP checks that this node ran as leader",
    labels: ["status"],
  },
  { name: "konsul_state_bytes", kind: "gauge", help: "Approximate memory of the state" },
  { name: "konsul_peer_rejected_total", kind: "counter", help: "Peer connections turned away", labels: ["reason"] },
  {
    name: "konsul_raft_duplicate_members",
    kind: "gauge",
    help: "Members that two live processes claim to be: a cloned data folder; neither counts",
  },
  { name: "konsul_storage_untrusted", kind: "gauge", help: "1: the disk broke a promise and this node serves nothing" },
  {
    name: "konsul_event_loop_delay_seconds",
    kind: "gauge",
    help: "Longest delay of the event loop since the last scrape",
  },
  { name: "konsul_build_info", kind: "gauge", help: "Always 1", labels: ["version", "commit"] },
  { name: "konsul_process_cpu_seconds_total", kind: "counter", help: "CPU time of this process" },
  { name: "konsul_process_resident_memory_bytes", kind: "gauge", help: "Resident memory of this process" },
  {
    name: "konsul_process_open_fds",
    kind: "gauge",
    help: "Open file descriptors; absent where they cannot be counted",
  },
  { name: "konsul_process_start_time_seconds", kind: "gauge", help: "Start of this process, seconds since 1970" },
] as const satisfies readonly MetricEntry[];

export type MetricName = (typeof CATALOGUE)[number]["name"];

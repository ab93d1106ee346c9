/** How a setting is written. */
export type SettingKind = "text" | "integer" | "flag" | "duration" | "size" | "list" | "choice";

export interface Setting {
  /** Dotted key in the file; flag and variable follow from it unless named. */
  readonly key: string;
  readonly kind: SettingKind;
  /** As it would be written; undefined: none. */
  readonly standard?: string;
  readonly flag?: string;
  readonly variable?: string;
  readonly choices?: readonly string[];
  /** Least and greatest value: plain for integers, ms for durations, bytes for sizes. */
  readonly min?: number;
  readonly max?: number;
  /** Part of the contract, but only its default does anything in this release: another value is a mistake. */
  readonly isFixed?: boolean;
  /** Never printed. */
  readonly isSecret?: boolean;
  readonly help: string;
}

/** A setting of the contract that this release cannot change yet: told so instead of being ignored. */
function fixed(key: string, standard = "", flag?: string): Setting {
  const named = flag === undefined ? {} : { flag };
  const kind = standard === "true" || standard === "false" ? "flag" : "text";
  return { key, kind, isFixed: true, help: "not available in this release", standard, ...named };
}

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;

function raftTimeout(key: string, standard: string, help: string): Setting {
  return {
    key: `raft.${key}`,
    kind: "duration",
    standard,
    flag: key.replaceAll("_", "-"),
    min: 300,
    max: MINUTE_MS,
    help,
  };
}

/** Every setting there is, in the order in which help and docs show them. */
export const SETTINGS: readonly Setting[] = [
  { key: "host", kind: "text", standard: "127.0.0.1", help: "address of the HTTP API" },
  {
    key: "port",
    kind: "integer",
    standard: "8888",
    min: 0,
    max: 65_535,
    help: "port of the HTTP API; 0: any free one",
  },
  { key: "http_advertise_addr", kind: "text", help: "HOST:PORT at which peers and clients reach the HTTP API" },
  { key: "data_dir", kind: "text", standard: "./data", help: "folder of everything this node keeps" },
  {
    key: "log_level",
    kind: "choice",
    standard: "info",
    choices: ["debug", "info", "warn", "error"],
    help: "least level that is logged",
  },
  {
    key: "service_ttl",
    kind: "duration",
    standard: "0s",
    max: DAY_MS,
    help: "TTL of instances that name none; 0: none",
  },
  {
    key: "follower_writes",
    kind: "choice",
    standard: "redirect",
    choices: ["redirect", "forward"],
    help: "what a follower does with a write: send the client to the leader, or hand it over itself",
  },
  { key: "log_format", kind: "choice", standard: "text", choices: ["text", "json"], help: "form of the log lines" },
  {
    key: "raft.enabled",
    kind: "flag",
    standard: "false",
    flag: "raft",
    help: "open a peer port; bootstrap and join addresses imply it",
  },
  { key: "raft.node_id", kind: "text", flag: "node-id", help: "this node's id; made at the first start and kept" },
  { key: "raft.node_name", kind: "text", flag: "node-name", help: "name shown to people; the host name" },
  { key: "raft.bind_addr", kind: "text", standard: "127.0.0.1:7000", help: "HOST:PORT of the peer port" },
  { key: "raft.advertise_addr", kind: "text", help: "HOST:PORT at which peers reach this node; the bind address" },
  {
    key: "raft.bootstrap",
    kind: "flag",
    standard: "false",
    flag: "bootstrap",
    help: "start a new cluster, on its very first node",
  },
  {
    key: "raft.join_addresses",
    kind: "list",
    flag: "join",
    help: "HOST:PORT of peer ports to join by; repeatable, or a comma list",
  },
  {
    key: "raft.join_tokens",
    kind: "list",
    flag: "join-token",
    variable: "KONSUL_RAFT_JOIN_TOKEN",
    isSecret: true,
    help: "secret that peers prove; the first proves, all are accepted",
  },
  { key: "raft.join_token_file", kind: "text", flag: "join-token-file", help: "file of join tokens, one a line" },
  { key: "raft.zone", kind: "text", flag: "zone", help: "redundancy zone" },
  {
    key: "raft.non_voter",
    kind: "flag",
    standard: "false",
    flag: "non-voter",
    help: "a read replica for good: never a voter",
  },
  raftTimeout("heartbeat_timeout", "1s", "a follower that hears no leader for one to two times this campaigns"),
  raftTimeout("election_timeout", "1s", "length of a candidate's round"),
  raftTimeout("leader_lease_timeout", "500ms", "a leader that no quorum answers for this long steps down"),
  {
    key: "raft.snapshot_interval",
    kind: "duration",
    standard: "120s",
    flag: "snapshot-interval",
    min: 5,
    max: DAY_MS,
    help: "how often the snapshot threshold is looked at",
  },
  {
    key: "raft.snapshot_threshold",
    kind: "integer",
    standard: "8192",
    flag: "snapshot-threshold",
    min: 1,
    max: 1e9,
    help: "log entries since the last snapshot that make a new one",
  },
  {
    key: "raft.trailing_logs",
    kind: "integer",
    standard: "10240",
    flag: "trailing-logs",
    min: 0,
    max: 1e9,
    help: "log entries kept behind the newest for late followers",
  },
  { key: "limits.max_value_bytes", kind: "size", standard: "512KiB", min: 1, max: 2 ** 20, help: "largest value" },
  {
    key: "limits.max_inflight_bytes",
    kind: "size",
    standard: "64MiB",
    min: 2 ** 20,
    max: 2 ** 32,
    help: "writes that wait for their turn; more are refused as overloaded",
  },
  {
    key: "limits.max_recursive_delete",
    kind: "integer",
    standard: "10000",
    min: 1,
    max: 1e6,
    help: "keys that one recursive delete may remove",
  },
  {
    key: "limits.max_watchers",
    kind: "integer",
    standard: "10000",
    min: 0,
    max: 1e6,
    help: "reads that may wait for a change at once",
  },
  {
    key: "limits.max_wait",
    kind: "duration",
    standard: "10m",
    min: 1,
    max: DAY_MS,
    help: "longest wait of a blocking read",
  },
  {
    key: "limits.request_timeout",
    kind: "duration",
    standard: "10s",
    min: 10,
    max: 10 * MINUTE_MS,
    help: "after this a write's outcome is unknown",
  },
  {
    key: "limits.shutdown_timeout",
    kind: "duration",
    standard: "10s",
    min: 0,
    max: 10 * MINUTE_MS,
    help: "longest graceful stop",
  },
  {
    key: "limits.disk_reserve_bytes",
    kind: "size",
    standard: "64MiB",
    min: 0,
    max: 2 ** 40,
    help: "free space below which writes are refused",
  },
  {
    key: "limits.watch_window",
    kind: "integer",
    standard: "100000",
    min: 1,
    max: 1e7,
    help: "changes remembered for watches",
  },
  { key: "limits.page", kind: "integer", standard: "1000", min: 1, max: 10_000, help: "keys in one page of a list" },
  {
    key: "health.max_lag_entries",
    kind: "integer",
    standard: "10000",
    min: 0,
    max: 1e9,
    help: "entries behind the leader at which a node is still ready",
  },
  { key: "http.swagger", kind: "flag", standard: "true", help: "serve the API's description at /swagger" },
  {
    key: "insecure",
    kind: "flag",
    standard: "false",
    help: "listen on other than loopback addresses without tokens or certificates",
  },
  { key: "acl.enabled", kind: "flag", standard: "false", help: "every request needs a token that allows it" },
  {
    key: "acl.default_policy",
    kind: "choice",
    standard: "deny",
    choices: ["deny", "allow"],
    help: "what holds where no rule of a policy says anything",
  },
  {
    key: "acl.max_stale",
    kind: "duration",
    standard: "30s",
    min: 1000,
    max: DAY_MS,
    help: "a node without a leader for longer denies everything",
  },
  {
    key: "http.metrics_public",
    kind: "flag",
    standard: "true",
    help: "/metrics wants no token; without a word: only while acl.enabled is false",
  },
  fixed("raft.data_dir"),
  {
    key: "raft.bootstrap_expect",
    kind: "integer",
    standard: "0",
    flag: "bootstrap-expect",
    min: 0,
    max: 7,
    help: "so many empty nodes with the same join addresses start a cluster together; 0: off",
  },
  {
    key: "raft.resync_interval",
    kind: "duration",
    standard: "1h",
    min: 0,
    max: DAY_MS,
    help: "a node whose disk broke a promise starts anew from the others, this often at most",
  },
  { key: "raft.tls.enabled", kind: "flag", standard: "false", help: "mutual TLS between peers" },
  { key: "raft.tls.ca_file", kind: "text", standard: "", help: "authorities that peers' certificates must come from" },
  { key: "raft.tls.cert_file", kind: "text", standard: "", help: "this node's certificate on the peer port" },
  { key: "raft.tls.key_file", kind: "text", standard: "", help: "its key" },
  {
    key: "raft.tls.verify_peer",
    kind: "flag",
    standard: "true",
    help: "a peer's certificate must be for its id, name, advertised host or konsul://CLUSTER/peer",
  },
  {
    key: "raft.tls.min_version",
    kind: "choice",
    standard: "1.3",
    choices: ["1.2", "1.3"],
    help: "least version of TLS between peers",
  },
  { key: "tls.enabled", kind: "flag", standard: "false", help: "HTTPS on the API" },
  { key: "tls.cert_file", kind: "text", standard: "", help: "certificate of the API" },
  { key: "tls.key_file", kind: "text", standard: "", help: "its key" },
  { key: "tls.ca_file", kind: "text", standard: "", help: "authorities that clients' certificates must come from" },
  {
    key: "tls.client_auth",
    kind: "choice",
    standard: "off",
    choices: ["off", "require"],
    help: "whether clients must show a certificate; who they are is said by tokens alone",
  },
  fixed("limits.max_key_bytes", "1KiB"),
  fixed("limits.max_txn_bytes", "1MiB"),
  {
    key: "limits.max_state_bytes",
    kind: "size",
    standard: "2GiB",
    min: 1024 * 1024,
    help: "writes that add something are refused while the state takes more memory; deletes go on",
  },
  {
    key: "health.max_lag",
    kind: "duration",
    standard: "5s",
    min: 100,
    help: "a node that has not applied for so long what it knew to be committed is not ready",
  },
  {
    key: "health.max_last_contact",
    kind: "duration",
    min: 100,
    help: "a node that has not heard the leader for longer is not ready; unset: twice raft.heartbeat_timeout",
  },
  {
    key: "health.recent_elections",
    kind: "integer",
    standard: "3",
    min: 1,
    help: "so many leaders in five minutes are a warning",
  },
  {
    key: "autopilot.cleanup_dead_servers",
    kind: "flag",
    standard: "true",
    help: "remove voters that are gone for good",
  },
  {
    key: "autopilot.last_contact_threshold",
    kind: "duration",
    standard: "500ms",
    min: 100,
    max: DAY_MS,
    help: "a server that was not heard for longer is not healthy",
  },
  {
    key: "autopilot.max_trailing_logs",
    kind: "integer",
    standard: "1000",
    min: 0,
    help: "a server that is more entries behind is not healthy",
  },
  { key: "autopilot.min_quorum", kind: "integer", standard: "0", min: 0, help: "voters that are always left" },
  {
    key: "autopilot.dead_server_after",
    kind: "duration",
    standard: "10m",
    min: 1000,
    max: DAY_MS,
    help: "a server that was not heard for this long is gone for good",
  },
  {
    key: "autopilot.server_stabilization_time",
    kind: "duration",
    standard: "10s",
    max: DAY_MS,
    help: "nothing is removed before the leader has led for this long",
  },
  fixed("autopilot.redundancy_zones", "false"),
  fixed("autopilot.upgrade_migration", "true"),
  {
    key: "checks.allow",
    kind: "list",
    standard: "",
    help: "networks that HTTP and TCP checks may connect to, such as 10.0.0.0/8; none: they are off",
  },
  { key: "http.cors_origins", kind: "list", standard: "", help: "origins whose pages may use the API; * for all" },
  {
    key: "http.rate_limit",
    kind: "integer",
    standard: "0",
    min: 0,
    help: "requests a second for each client address; 0: no limit",
  },
  fixed("snapshots.max_concurrent_sends", "2"),
  fixed("snapshots.max_bytes_per_second", "unlimited"),
  {
    key: "deregister_after",
    kind: "duration",
    max: 366 * DAY_MS,
    help: "when instances that do not say it themselves are removed without a heartbeat; unset: 10 TTLs; 0: never",
  },
  fixed("tracing.enabled", "false"),
  fixed("tracing.endpoint"),
  fixed("tracing.sample_ratio"),
];

export function flagOf(setting: Setting): string {
  const [first = "", ...rest] = setting.key.split(".");
  const name = first === "limits" ? ["limit", ...rest.map((part) => part.replace(/^max_/, "max_"))] : [first, ...rest];
  return setting.flag ?? name.join("-").replaceAll("_", "-");
}

export function variableOf(setting: Setting): string {
  return setting.variable ?? `KONSUL_${setting.key.replaceAll(".", "_").toUpperCase()}`;
}

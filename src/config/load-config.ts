import { hostname } from "node:os";
import { err, ok, type Result } from "../base/index.ts";
import type { Config, TlsPaths } from "./config.ts";
import { contradictions } from "./contradictions.ts";
import { parseDuration, parseSize } from "./quantities.ts";
import type { Setting } from "./setting.ts";
import { raftFolderIn } from "./raft-folder.ts";
import { SETTINGS } from "./settings.ts";
import { collect, type Mistake, type Sources } from "./sources.ts";
import type { Written } from "./written.ts";

type Value = string | number | boolean | readonly string[];

/** All settings, or every mistake at once. */
export function loadConfig(sources: Sources): Result<Config, readonly Mistake[]> {
  const { values, mistakes, unread: missing, isFileRead } = collect(sources);
  const all = [...mistakes];
  const unread = new Set(missing);
  const read = new Map<string, Value>();
  for (const setting of SETTINGS) {
    if (setting.standard === undefined && setting.kind === "duration" && !values.has(setting.key)) continue;
    // The standard value is not what was meant. A text has to be one.
    if (missing.has(setting.key) && setting.kind !== "text") continue;
    const written = values.get(setting.key) ?? { text: setting.standard ?? "", source: setting.key };
    const value = valueOf(setting, written);
    if (value.ok) read.set(setting.key, value.value);
    else {
      unread.add(setting.key);
      all.push({
        source: written.source,
        message: `${value.error}: current value is "${setting.isSecret === true ? "(secret)" : written.text}"`,
      });
    }
  }
  const config = assemble(new Reader(read), values);
  // What a file says that nobody can read may be just what is missing.
  if (isFileRead) {
    all.push(...contradictions(config, { written: values, unread, isFileAlone: sources.isFileAlone === true }));
  }
  return all.length > 0 ? err(all) : ok(config);
}

function valueOf(setting: Setting, { text }: Written): Result<Value, string> {
  switch (setting.kind) {
    case "text":
      return ok(text);
    case "list":
      return ok(
        text
          .split(",")
          .map((part) => part.trim())
          .filter((part) => part !== ""),
      );
    case "choice":
      return setting.choices?.includes(text) === true
        ? ok(text)
        : err(`must be one of ${setting.choices?.join(", ") ?? ""}`);
    case "flag":
      return text === "true" || text === "false" ? ok(text === "true") : err("must be true or false");
    case "integer":
      return /^-?\d+$/.test(text) ? inRange(setting, Number(text), "") : err("must be a whole number");
    case "ratio":
      return /^\d*\.?\d+$/.test(text) && Number(text) <= 1 ? ok(Number(text)) : err("must be a number from 0 to 1");
    case "duration": {
      const ms = parseDuration(text);
      return ms.ok ? inRange(setting, ms.value, " ms") : ms;
    }
    case "size": {
      const bytes = /^\d+$/.test(text) ? ok(Number(text)) : parseSize(text);
      return bytes.ok ? inRange(setting, bytes.value, " bytes") : bytes;
    }
    default:
      return err("is of an unknown kind");
  }
}

function inRange(setting: Setting, value: number, unit: string): Result<number, string> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = setting;
  return value >= min && value <= max ? ok(value) : err(`must be from ${min} to ${max}${unit}`);
}

/** Checked values by key and kind. A number that could not be read is `NaN`, which contradicts nothing. */
class Reader {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  text(key: string): string {
    return String(this.#values.get(key) ?? "");
  }

  number(key: string): number {
    return Number(this.#values.get(key));
  }

  optionalNumber(key: string): number | undefined {
    return this.#values.has(key) ? this.number(key) : undefined;
  }

  flag(key: string): boolean {
    return this.#values.get(key) === true;
  }

  list(key: string): readonly string[] {
    const value = this.#values.get(key);
    return Array.isArray(value) ? value.map(String) : [];
  }
}

/** `otherwise` where nothing is written, or 0. */
function orElse<T extends string | number>(value: T, otherwise: T): T {
  return value === "" || value === 0 ? otherwise : value;
}

function healthOf(read: Reader): Config["health"] {
  return {
    lagEntriesMax: read.number("health.max_lag_entries"),
    lagMsMax: read.number("health.max_lag"),
    lastContactMsMax: read.optionalNumber("health.max_last_contact") ?? 2 * read.number("raft.heartbeat_timeout"),
    recentElectionsMax: read.number("health.recent_elections"),
  };
}

function assemble(read: Reader, written: ReadonlyMap<string, Written>): Config {
  const dataDir = read.text("data_dir");
  const joinAddresses = read.list("raft.join_addresses");
  const isBootstrap = read.flag("raft.bootstrap");
  const hasAcl = read.flag("acl.enabled");
  const bootstrapExpect = read.number("raft.bootstrap_expect");
  const isForming = isBootstrap || bootstrapExpect > 0 || joinAddresses.length > 0;
  const level = read.text("log_level");
  return {
    host: read.text("host"),
    port: read.number("port"),
    httpAdvertiseAddress: read.text("http_advertise_addr"),
    dataDir,
    logLevel: level === "debug" || level === "warn" || level === "error" ? level : "info",
    logFormat: read.text("log_format") === "json" ? "json" : "text",
    services: { ttlMs: read.number("service_ttl"), deregisterAfterMs: read.optionalNumber("deregister_after") },
    checks: { allow: read.list("checks.allow") },
    // Clients drop the token when they are sent to another host, so that a redirect would be of no use to them.
    followerWrites:
      (hasAcl && !written.has("follower_writes")) || read.text("follower_writes") === "forward"
        ? "forward"
        : "redirect",
    raft: {
      isEnabled: read.flag("raft.enabled") || (isForming && !written.has("raft.enabled")),
      nodeId: read.text("raft.node_id"),
      nodeName: orElse(read.text("raft.node_name"), hostname()),
      bindAddress: read.text("raft.bind_addr"),
      advertiseAddress: orElse(read.text("raft.advertise_addr"), read.text("raft.bind_addr")),
      tls: {
        ...tlsPaths(read, "raft.tls"),
        isEnabled: read.flag("raft.tls.enabled"),
        isNameChecked: read.flag("raft.tls.verify_peer"),
        minVersion: read.text("raft.tls.min_version") === "1.2" ? "1.2" : "1.3",
      },
      isBootstrap,
      bootstrapExpect,
      dataDir: orElse(read.text("raft.data_dir"), raftFolderIn(dataDir)),
      resyncIntervalMs: read.number("raft.resync_interval"),
      joinAddresses,
      joinTokens: read.list("raft.join_tokens"),
      joinTokenFile: read.text("raft.join_token_file"),
      zone: read.text("raft.zone"),
      isNonVoter: read.flag("raft.non_voter"),
      heartbeatTimeoutMs: read.number("raft.heartbeat_timeout"),
      electionTimeoutMs: read.number("raft.election_timeout"),
      leaderLeaseTimeoutMs: read.number("raft.leader_lease_timeout"),
      snapshotIntervalMs: read.number("raft.snapshot_interval"),
      snapshotThreshold: read.number("raft.snapshot_threshold"),
      snapshotLogBytes: read.number("raft.snapshot_log_bytes"),
      trailingLogs: read.number("raft.trailing_logs"),
    },
    tls: assembleTls(read),
    acl: {
      isEnabled: hasAcl,
      isAllowedByDefault: read.text("acl.default_policy") === "allow",
      staleMsMax: read.number("acl.max_stale"),
      isMetricsPublic: read.flag("http.metrics_public") && (!hasAcl || written.has("http.metrics_public")),
    },
    autopilot: assembleAutopilot(read),
    snapshots: assembleSnapshots(read),
    limits: assembleLimits(read),
    health: healthOf(read),
    corsOrigins: read.list("http.cors_origins"),
    rateLimit: read.number("http.rate_limit"),
    hasSwagger: read.flag("http.swagger"),
    tracing: assembleTracing(read),
    isInsecure: read.flag("insecure"),
  };
}

function tlsPaths(read: Reader, key: "tls" | "raft.tls"): TlsPaths {
  const [caFile, certFile, keyFile] = [
    read.text(`${key}.ca_file`),
    read.text(`${key}.cert_file`),
    read.text(`${key}.key_file`),
  ];
  return { caFile, certFile, keyFile };
}

function assembleTls(read: Reader): Config["tls"] {
  return {
    ...tlsPaths(read, "tls"),
    isEnabled: read.flag("tls.enabled"),
    areClientsChecked: read.text("tls.client_auth") === "require",
  };
}

function assembleSnapshots(read: Reader): Config["snapshots"] {
  return {
    sendsMax: read.number("snapshots.max_concurrent_sends"),
    bytesPerSecond: orElse(read.number("snapshots.max_bytes_per_second"), Infinity),
  };
}

function assembleTracing(read: Reader): Config["tracing"] {
  return {
    isEnabled: read.flag("tracing.enabled"),
    endpoint: read.text("tracing.endpoint"),
    sampleRatio: read.number("tracing.sample_ratio"),
  };
}

function assembleAutopilot(read: Reader): Config["autopilot"] {
  return {
    cleanupDeadServers: read.flag("autopilot.cleanup_dead_servers"),
    lastContactThresholdMs: read.number("autopilot.last_contact_threshold"),
    trailingLogsMax: read.number("autopilot.max_trailing_logs"),
    minQuorum: read.number("autopilot.min_quorum"),
    deadServerAfterMs: read.number("autopilot.dead_server_after"),
    stabilizationMs: read.number("autopilot.server_stabilization_time"),
    hasRedundancyZones: read.flag("autopilot.redundancy_zones"),
    hasUpgradeMigration: read.flag("autopilot.upgrade_migration"),
  };
}

function assembleLimits(read: Reader): Config["limits"] {
  return {
    keyBytesMax: read.number("limits.max_key_bytes"),
    txnBytesMax: read.number("limits.max_txn_bytes"),
    valueBytesMax: read.number("limits.max_value_bytes"),
    inflightBytesMax: read.number("limits.max_inflight_bytes"),
    recursiveDeleteMax: read.number("limits.max_recursive_delete"),
    watchersMax: read.number("limits.max_watchers"),
    waitMsMax: read.number("limits.max_wait"),
    requestTimeoutMs: read.number("limits.request_timeout"),
    shutdownTimeoutMs: read.number("limits.shutdown_timeout"),
    diskReserveBytes: read.number("limits.disk_reserve_bytes"),
    watchWindow: read.number("limits.watch_window"),
    page: read.number("limits.page"),
    stateBytesMax: read.number("limits.max_state_bytes"),
  };
}

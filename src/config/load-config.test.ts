import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "bun:test";
import type { Config } from "./config.ts";
import { loadConfig } from "./load-config.ts";
import { redact } from "./redact.ts";
import { flagOf, variableOf } from "./setting.ts";
import { SETTINGS } from "./settings.ts";
import type { Mistake, Sources } from "./sources.ts";

const NOTHING: Sources = { flags: new Map(), environment: {} };

function load(sources: Partial<Sources>): Config {
  const result = loadConfig({ ...NOTHING, ...sources });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function mistakes(sources: Partial<Sources>): readonly Mistake[] {
  const result = loadConfig({ ...NOTHING, ...sources });
  return result.ok ? [] : result.error;
}

function flags(all: Record<string, string>): Sources["flags"] {
  return new Map(Object.entries(all).map(([name, text]) => [name, [text]]));
}

/** Of every setting a value that is not its default. */
const OTHER: Readonly<Record<string, string>> = {
  host: "127.0.0.2",
  port: "1",
  http_advertise_addr: "a:1",
  data_dir: "./other",
  log_level: "debug",
  service_ttl: "1s",
  follower_writes: "forward",
  log_format: "json",
  "raft.enabled": "true",
  "raft.node_id": "a",
  "raft.node_name": "another",
  "raft.bind_addr": "127.0.0.1:1",
  "raft.advertise_addr": "a:1",
  "raft.data_dir": "./log",
  "raft.bootstrap": "true",
  "raft.bootstrap_expect": "3",
  "raft.resync_interval": "1s",
  "raft.join_addresses": "a:1",
  "raft.join_tokens": "a",
  "raft.join_token_file": "a",
  "raft.zone": "a",
  "raft.non_voter": "true",
  "raft.heartbeat_timeout": "900ms",
  "raft.election_timeout": "2s",
  "raft.leader_lease_timeout": "400ms",
  "raft.snapshot_interval": "1s",
  "raft.snapshot_threshold": "1",
  "raft.snapshot_log_bytes": "1MiB",
  "raft.trailing_logs": "1",
  "raft.tls.enabled": "true",
  "raft.tls.ca_file": "a",
  "raft.tls.cert_file": "a",
  "raft.tls.key_file": "a",
  "raft.tls.verify_peer": "false",
  "raft.tls.min_version": "1.2",
  "tls.enabled": "true",
  "tls.ca_file": "a",
  "tls.cert_file": "a",
  "tls.key_file": "a",
  "tls.client_auth": "require",
  "limits.max_key_bytes": "512B",
  "limits.max_value_bytes": "1KiB",
  "limits.max_txn_bytes": "2MiB",
  "limits.max_inflight_bytes": "1MiB",
  "limits.max_state_bytes": "1MiB",
  "limits.max_recursive_delete": "1",
  "limits.max_watchers": "1",
  "limits.max_wait": "1s",
  "limits.request_timeout": "1s",
  "limits.shutdown_timeout": "1s",
  "limits.disk_reserve_bytes": "1MiB",
  "limits.watch_window": "1",
  "limits.page": "1",
  "health.max_lag_entries": "1",
  "health.max_lag": "1s",
  "health.max_last_contact": "1s",
  "health.recent_elections": "1",
  "autopilot.cleanup_dead_servers": "false",
  "autopilot.last_contact_threshold": "1s",
  "autopilot.max_trailing_logs": "1",
  "autopilot.min_quorum": "1",
  "autopilot.dead_server_after": "1s",
  "autopilot.server_stabilization_time": "1s",
  "autopilot.redundancy_zones": "true",
  "autopilot.upgrade_migration": "false",
  "checks.allow": "10.0.0.0/8",
  "http.cors_origins": "*",
  "http.rate_limit": "1",
  "http.swagger": "false",
  "http.metrics_public": "false",
  "snapshots.max_concurrent_sends": "1",
  "snapshots.max_bytes_per_second": "1MiB",
  deregister_after: "1s",
  "tracing.enabled": "true",
  "tracing.endpoint": "http://a/",
  "tracing.sample_ratio": "0.5",
  "acl.enabled": "true",
  "acl.default_policy": "allow",
  "acl.max_stale": "1s",
  insecure: "true",
};

const CERTIFICATES = { CA_FILE: import.meta.path, CERT_FILE: import.meta.path, KEY_FILE: import.meta.path };
const prefixed = (prefix: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(CERTIFICATES).map(([name, path]) => [`${prefix}_${name}`, path]));

/** What must be set besides, so that nothing contradicts. */
const OTHER_BESIDES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "raft.bind_addr": { KONSUL_RAFT_ENABLED: "true" },
  "raft.advertise_addr": { KONSUL_RAFT_ENABLED: "true" },
  "raft.bootstrap_expect": { KONSUL_RAFT_JOIN_ADDRESSES: "a:1,b:1,c:1" },
  "raft.tls.enabled": prefixed("KONSUL_RAFT_TLS"),
  "tls.enabled": prefixed("KONSUL_TLS"),
};

describe("loadConfig()", () => {
  test("a misspelt variable of any section is a mistake: it would leave something unguarded", () => {
    for (const name of ["KONSUL_ACL_ENABLD", "KONSUL_AUTOPILOT_ZONES", "KONSUL_TLS_ENABLD", "KONSUL_SNAPSHOTS_MAX"])
      expect(mistakes({ environment: { [name]: "true" } }).map(({ source }) => source)).toEqual([name]);
    // Variables of others, and those of commands, may stand beside ours.
    const others = { KONSUL_HTTP_ADDR: "x", KONSUL_SERVICE_HOST: "10.0.0.1", KONSULT: "y" };
    expect(mistakes({ environment: others })).toEqual([]);
  });

  test("has the defaults of the documentation", () => {
    const config = load({});
    expect([config.host, config.port, config.dataDir]).toEqual(["127.0.0.1", 8888, "./data"]);
    expect([config.raft.heartbeatTimeoutMs, config.raft.leaderLeaseTimeoutMs]).toEqual([1000, 500]);
    expect(config.limits.valueBytesMax).toBe(512 * 1024);
    expect(config.raft.isEnabled).toBe(false);
  });

  test("a flag goes before a variable, and that before the file", () => {
    const file = { name: "k.yaml", text: "port: 1\nraft:\n  zone: file\nlog_level: warn\n" };
    const environment = { KONSUL_PORT: "2", KONSUL_RAFT_ZONE: "variable" };
    const config = load({ file, environment, flags: new Map([["port", ["3"]]]) });
    expect([config.port, config.raft.zone, config.logLevel]).toEqual([3, "variable", "warn"]);
  });

  test("every setting can be written in each of the three ways", () => {
    for (const setting of SETTINGS) {
      const text = setting.standard ?? (setting.kind === "duration" ? "5m" : "");
      if (text === "") continue;
      const environment = setting.key === "raft.bind_addr" ? { KONSUL_RAFT_ENABLED: "true" } : {};
      expect(mistakes({ environment, flags: new Map([[flagOf(setting), [text]]]) })).toEqual([]);
      expect(mistakes({ environment: { ...environment, [variableOf(setting)]: text } })).toEqual([]);
      const file = { name: "k.json", text: JSON.stringify({ [setting.key]: text }) };
      expect(mistakes({ environment, file })).toEqual([]);
    }
    expect(new Set(SETTINGS.map(flagOf)).size).toBe(SETTINGS.length);
    expect(new Set(SETTINGS.map(variableOf)).size).toBe(SETTINGS.length);
  });

  test("lists every mistake at once, each with its source", () => {
    const found = mistakes({
      flags: new Map([["port", ["99999"]]]),
      environment: { KONSUL_RAFT_HEARTBEAT_TIMEOUT: "50ms", KONSUL_RAFT_ELECTION_TIMOUT: "1s" },
      file: { name: "k.yaml", text: "log_levle: info\nlimits:\n  max_value_bytes: 3 apples\n" },
    });
    expect(found.map(({ source }) => source).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "--port",
      "KONSUL_RAFT_ELECTION_TIMOUT",
      "KONSUL_RAFT_HEARTBEAT_TIMEOUT",
      "k.yaml: limits.max_value_bytes",
      "k.yaml: log_levle",
    ]);
    expect(found.find(({ source }) => source === "k.yaml: log_levle")?.message).toContain("log_level");
  });

  test("lists contradictions beside other mistakes, but none that a value nobody can read might excuse", () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ["prot: 1\nraft:\n  heartbeat_timeout: 2s\n", ["prot", "raft.heartbeat_timeout"]],
      ["log_level: loud\nhost: 0.0.0.0\n", ["log_level", "host"]],
      ["host: 0.0.0.0\nacl:\n  enabled: yes\n", ["acl.enabled"]],
      ["host: 0.0.0.0\ntls:\n  client_auth: always\n", ["tls.client_auth"]],
      ["raft:\n  bootstrap: true\n  bind_addr: 0.0.0.0:1\n  advertise_addr: a:1\ninsecure: 1\n", ["insecure"]],
      ["raft:\n  bind_addr: 127.0.0.1:1\n  bootstrap: yes\n", ["raft.bootstrap"]],
      ["raft:\n  heartbeat_timeout: soon\n  election_timeout: 500ms\n", ["raft.heartbeat_timeout"]],
      ["raft:\n  heartbeat_timeout: 5s\n  election_timeout: soon\n", ["raft.election_timeout"]],
      ["host: 0.0.0.0\ninsecure: [true]\n", ["insecure"]],
      ["raft:\n  bind_addr: 127.0.0.1:1\n  enabled:\n", ["raft.enabled"]],
      ["raft:\n  bind_addr: 127.0.0.1:1\n  join_addresses: [null]\n", ["raft.join_addresses"]],
      [
        "raft:\n  bootstrap: true\n  bind_addr: 0.0.0.0:1\n  advertise_addr: a:1\n  join_tokens:\n",
        ["raft.join_tokens"],
      ],
      ["raft:\n  heartbeat_timeout: [300ms]\n  election_timeout: 500ms\n", ["raft.heartbeat_timeout"]],
      ["tls:\n  enabled: true\n  cert_file:\n  key_file: [a]\n", ["tls.cert_file", "tls.key_file"]],
    ];
    for (const [text, keys] of cases) {
      const found = mistakes({ file: { name: "k.yaml", text } }).map(({ source }) => source.replace("k.yaml: ", ""));
      expect([text, found]).toEqual([text, [...keys]]);
    }
    // It may have `acl.enabled`.
    const file = { name: "k.yaml", text: "acl: [" };
    expect(mistakes({ file, flags: flags({ host: "0.0.0.0" }) }).map(({ source }) => source)).toEqual(["k.yaml"]);
  });

  test("a setting without a value, or with a list where it takes one value, is a mistake; a section may be empty", () => {
    const text = "raft:\ntls: {}\ndata_dir:\nhost: ~\nacl:\n  enabled: {}\nport: [1]\nlog_format: {}\n";
    expect(mistakes({ file: { name: "k.yaml", text } })).toEqual([
      ...["data_dir", "host", "acl.enabled"].map((key) => ({
        source: `k.yaml: ${key}`,
        message: "has no value: give it one, or leave it out",
      })),
      { source: "k.yaml: port", message: "must be one value: it is a list" },
      { source: "k.yaml: log_format", message: "has no value: give it one, or leave it out" },
    ]);
    const tokens = { raft: { join_tokens: ["a", null, { b: 1 }] } };
    expect(mistakes({ file: { name: "k.json", text: JSON.stringify(tokens) } })).toEqual([
      { source: "k.json: raft.join_tokens", message: "must be a list of texts" },
    ]);
  });

  test("a section that is no mapping, or that holds itself, is a mistake", () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ["acl: yes\nhost: 0.0.0.0\n", "acl", "is a section of settings, such as acl."],
      ["raft: [a]\n", "raft", "is a section of settings, such as raft."],
      ["limits: &x\n  page: *x\n", "limits.page", "must be one value: it is a mapping"],
      ["other: &x\n  more: *x\n", "other.more", "is no setting"],
    ];
    for (const [text, key, message] of cases) {
      expect(mistakes({ file: { name: "k.yaml", text } })).toEqual([
        { source: `k.yaml: ${key}`, message: expect.stringContaining(message) },
      ]);
    }
  });

  test("refuses settings that contradict each other", () => {
    const cases: readonly (readonly [Record<string, string>, string])[] = [
      [{ "leader-lease-timeout": "2s" }, "--leader-lease-timeout"],
      [{ "heartbeat-timeout": "2s" }, "--heartbeat-timeout"],
      [{ host: "0.0.0.0" }, "--host"],
      [{ bootstrap: "true", "raft-bind-addr": "0.0.0.0:7000", "join-token": "t" }, "raft.advertise_addr"],
      [{ bootstrap: "true", "raft-bind-addr": "10.0.0.1:7000" }, "--raft-bind-addr"],
      [{ bootstrap: "true", "raft-bind-addr": "127.0.0.1:0" }, "raft.advertise_addr"],
      [{ join: "nowhere" }, "--join"],
      [{ "node-id": "a b" }, "--node-id"],
      [{ "health-max-last-contact": "299ms" }, "--health-max-last-contact"],
    ];
    for (const [given, source] of cases)
      expect(mistakes({ flags: flags(given) }).map((one) => one.source)).toContain(source);
    expect(mistakes({ flags: flags({ host: "0.0.0.0", insecure: "true" }) })).toEqual([]);
  });

  test("refuses a peer address of a node that has no peer port, unless it is told to have none", () => {
    const address = { KONSUL_RAFT_BIND_ADDR: "127.0.0.1:7001" };
    const refused = { source: "KONSUL_RAFT_BIND_ADDR", message: expect.stringContaining("set raft.enabled (--raft)") };
    expect(mistakes({ environment: address })).toEqual([refused]);
    const file = { name: "k.yaml", text: "raft:\n  advertise_addr: 10.0.0.1:7000\n" };
    expect(mistakes({ file }).map(({ source }) => source)).toEqual(["k.yaml: raft.advertise_addr"]);
    expect(mistakes({ file, isFileAlone: true })).toEqual([]);
    for (const [name, text] of Object.entries({ raft: "true", bootstrap: "true", join: "a:1", "raft ": "false" })) {
      expect(mistakes({ environment: address, flags: flags({ [name.trim()]: text }) })).toEqual([]);
    }
  });

  test("every setting can be other than its default, and is taken", () => {
    expect(Object.keys(OTHER).toSorted()).toEqual(SETTINGS.map(({ key }) => key).toSorted());
    const standard = load({});
    for (const setting of SETTINGS) {
      const environment = { ...OTHER_BESIDES[setting.key], [variableOf(setting)]: OTHER[setting.key] };
      expect([setting.key, mistakes({ environment })]).toEqual([setting.key, []]);
      const { [variableOf(setting)]: _, ...besides } = environment;
      expect([setting.key, isDeepStrictEqual(load({ environment }), load({ environment: besides }))]).toEqual([
        setting.key,
        false,
      ]);
    }
    expect(load({})).toEqual(standard);
  });

  test("a folder for the log that could not be moved aside is refused", () => {
    for (const folder of ["./data", ".", "/"])
      expect(mistakes({ environment: { KONSUL_RAFT_DATA_DIR: folder } })).toEqual([
        { source: "KONSUL_RAFT_DATA_DIR", message: expect.stringContaining("must not be data_dir (./data)") },
      ]);
    // Everywhere a file system of its own.
    expect(mistakes({ environment: { KONSUL_RAFT_DATA_DIR: "/proc" } })).toEqual([
      { source: "KONSUL_RAFT_DATA_DIR", message: expect.stringContaining("name /proc/raft") },
    ]);
    expect(mistakes({ environment: { KONSUL_RAFT_DATA_DIR: "./data/raft" } })).toEqual([]);
  });

  test("a rate at which no snapshot would ever arrive is refused", () => {
    expect(mistakes({ environment: { KONSUL_SNAPSHOTS_MAX_BYTES_PER_SECOND: "1KiB" } })).toEqual([
      { source: "KONSUL_SNAPSHOTS_MAX_BYTES_PER_SECOND", message: expect.stringContaining("at least 16384 bytes") },
    ]);
  });

  test("bootstrap and join addresses imply raft", () => {
    expect(load({ flags: new Map([["bootstrap", ["true"]]]) }).raft.isEnabled).toBe(true);
    expect(load({ flags: new Map([["join", ["a:1", "b:2,c:3"]]]) }).raft.joinAddresses).toEqual(["a:1", "b:2", "c:3"]);
  });

  test("a secret is in no message and in no redacted setting", () => {
    const config = load({ environment: { KONSUL_RAFT_JOIN_TOKEN: "canary-1,canary-2" } });
    expect(config.raft.joinTokens).toEqual(["canary-1", "canary-2"]);
    expect(JSON.stringify(redact(config))).not.toContain("canary");
  });
});

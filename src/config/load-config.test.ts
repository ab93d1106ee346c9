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

describe("loadConfig()", () => {
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
      expect(mistakes({ flags: new Map([[flagOf(setting), [text]]]) })).toEqual([]);
      expect(mistakes({ environment: { [variableOf(setting)]: text } })).toEqual([]);
      const file = { name: "k.json", text: JSON.stringify({ [setting.key]: text }) };
      expect(mistakes({ file })).toEqual([]);
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

  test("refuses settings that contradict each other", () => {
    const cases: readonly (readonly [Record<string, string>, string])[] = [
      [{ "leader-lease-timeout": "2s" }, "--leader-lease-timeout"],
      [{ "heartbeat-timeout": "2s" }, "--heartbeat-timeout"],
      [{ host: "0.0.0.0" }, "--host"],
      [{ bootstrap: "true", "raft-bind-addr": "0.0.0.0:7000", "join-token": "t" }, "raft.advertise_addr"],
      [{ bootstrap: "true", "raft-bind-addr": "10.0.0.1:7000" }, "--raft-bind-addr"],
      [{ join: "nowhere" }, "--join"],
      [{ "node-id": "a b" }, "--node-id"],
    ];
    for (const [given, source] of cases)
      expect(mistakes({ flags: flags(given) }).map((one) => one.source)).toContain(source);
    expect(mistakes({ flags: flags({ host: "0.0.0.0", insecure: "true" }) })).toEqual([]);
  });

  test("what this release cannot do is refused, never ignored", () => {
    expect(mistakes({ environment: { KONSUL_LIMITS_MAX_TXN_BYTES: "2MiB" } })).toEqual([
      { source: "KONSUL_LIMITS_MAX_TXN_BYTES", message: "can only be 1MiB in this release" },
    ]);
    expect(mistakes({ flags: flags({ "raft-data-dir": "ca.pem" }) })).toEqual([
      { source: "--raft-data-dir", message: "is not available in this release" },
    ]);
    expect(mistakes({ file: { name: "k.yaml", text: "limits:\n  max_txn_bytes: 1MiB\n" } })).toEqual([]);
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

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { loadConfig, SETTINGS, variableOf } from "../src/config/index.ts";

const TOP = join(import.meta.dir, "..");
const read = (...path: readonly string[]): string => readFileSync(join(TOP, ...path), "utf8");

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly environment: Readonly<Record<string, string>>; readonly ports: readonly string[] }>
  >;
}

describe("docker-compose-cluster.yml", () => {
  const { services }: Compose = parse(read("docker-compose-cluster.yml"), { merge: true });

  test("has three nodes at 8881 to 8883 whose settings are ones that there are, and fit together", () => {
    expect(Object.keys(services)).toEqual(["konsul-1", "konsul-2", "konsul-3"]);
    const known = new Set(SETTINGS.map(variableOf));
    for (const [at, { environment, ports }] of Object.values(services).entries()) {
      expect(ports).toEqual([`127.0.0.1:${8881 + at}:8888`]);
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
      const given = { ...environment, KONSUL_RAFT_JOIN_TOKEN: "token" };
      const loaded = loadConfig({ flags: new Map(), environment: given });
      expect(loaded.ok ? [] : loaded.error).toEqual([]);
    }
  });
});

test("the image's own settings are ones that there are", () => {
  const named = [...read("deploy", "Dockerfile").matchAll(/\b(KONSUL_\w+)=/g)].map((match) => match[1] ?? "");
  const known = new Set(SETTINGS.map(variableOf));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

test("unit and image have the allocator keep freed memory, as the benchmark does", () => {
  expect(read("deploy", "Dockerfile")).toContain("\nENV MIMALLOC_PURGE_DELAY=-1\n");
  const unit = read("deploy", "systemd", "konsul.service");
  const [own, file] = ["\nEnvironment=MIMALLOC_PURGE_DELAY=-1\n", "\nEnvironmentFile="].map((line) =>
    unit.indexOf(line),
  );
  // What the operator's file says comes later, and holds.
  expect([own !== -1, Number(own) < Number(file)]).toEqual([true, true]);
});

describe("the systemd unit", () => {
  const analyze = Bun.which("systemd-analyze");

  test.skipIf(analyze === null)("is sound, and exposes little (needs systemd)", () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-unit-"));
    const unit = join(folder, "konsul.service");
    // The executable of a machine where it is installed.
    writeFileSync(unit, read("deploy", "systemd", "konsul.service").replaceAll("/usr/local/bin/konsul", "/bin/true"));
    const verified = Bun.spawnSync(["systemd-analyze", "verify", unit], { stderr: "pipe" });
    expect([verified.exitCode, verified.stderr.toString()]).toEqual([0, ""]);
    const judged = Bun.spawnSync(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], {
      stdout: "pipe",
    });
    expect(judged.exitCode).toBe(0);
    rmSync(folder, { recursive: true });
  });

  test("stops later than the agent gives up by itself", () => {
    const stop = Number(/TimeoutStopSec=(\d+)s/.exec(read("deploy", "systemd", "konsul.service"))?.[1]);
    const loaded = loadConfig({ flags: new Map(), environment: {} });
    expect(loaded.ok ? stop * 1000 : 0).toBeGreaterThan(loaded.ok ? loaded.value.limits.shutdownTimeoutMs : 0);
  });
});

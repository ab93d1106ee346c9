import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

const JOIN_TOKEN = "canary-join-token-0123456789abcdef";
const VALUE = "canary-value-of-a-key";
const OPENTELEMETRY = "canary-password";
const FILES = [
  "autopilot-state.json",
  "autopilot.json",
  "config.json",
  "health.json",
  "log.txt",
  "metrics.txt",
  "processor.cpuprofile",
  "ready.json",
  "settings.json",
  "status.json",
  "versions.json",
];

function record(text: string): Readonly<Record<string, unknown>> {
  const parsed: Readonly<Record<string, unknown>> = Object(JSON.parse(text));
  return parsed;
}

/** Unpacks by tar, as whoever gets the bundle does. */
function unpack(archive: string): { readonly folder: string; readonly files: readonly string[] } {
  const into = temporaryFolder();
  expect(Bun.spawnSync(["tar", "-xzf", archive, "-C", into]).exitCode).toBe(0);
  const [name = ""] = readdirSync(into);
  const folder = join(into, name);
  return { folder, files: readdirSync(folder).toSorted() };
}

describe("konsul debug", () => {
  test("writes a bundle with everything in it, and no secret", async () => {
    const folder = temporaryFolder();
    const [port = 0] = freePorts(1);
    const node = await startAgent(
      [
        "--acl-enabled",
        "--bootstrap",
        `--join-token=${JOIN_TOKEN}`,
        "--log-level=debug",
        `--data-dir=${join(folder, "data")}`,
        `--raft-bind-addr=127.0.0.1:${port}`,
        "--tracing-enabled",
        `--tracing-endpoint=http://me:${OPENTELEMETRY}@127.0.0.1:9/v1/traces?key=${OPENTELEMETRY}`,
      ],
      { OTEL_EXPORTER_OTLP_HEADERS: `authorization=${OPENTELEMETRY}` },
    );
    const made: { readonly secret?: string } = Object(
      await (await fetch(`${node.url}/acl/bootstrap`, { method: "POST" })).json(),
    );
    const secret = made.secret ?? "";
    const run = { url: node.url, environment: { KONSUL_TOKEN: secret } };
    expect((await konsul(["kv", "put", "a", VALUE], run)).code).toBe(0);
    const collected: { readonly memory?: { readonly rss: number } } = Object(
      await (await fetch(`${node.url}/debug?collect`, { headers: { "X-Konsul-Token": secret } })).json(),
    );
    expect(collected.memory?.rss).toBeGreaterThan(2 ** 20);
    expect((await fetch(`${node.url}/debug?collect`)).status).toBe(401);
    const out = join(folder, "bundle.tar.gz");
    const wrote = await konsul(["debug", "--out", out, "--profile", "1"], run);
    expect([wrote.code, wrote.problems]).toEqual([0, ""]);
    expect(wrote.out).toStartWith(`Wrote ${out}: `);
    const { folder: unpacked, files } = unpack(out);
    expect(files).toEqual(FILES);
    const contents = new Map(files.map((name) => [name, readFileSync(join(unpacked, name), "utf8")]));
    const json = (name: string): Readonly<Record<string, unknown>> => record(contents.get(name) ?? "");
    expect(json("status.json")).toMatchObject({ state: "healthy" });
    expect(json("settings.json")).toMatchObject({ acl: { isEnabled: true }, raft: { joinTokens: ["(secret)"] } });
    expect(json("versions.json")).toMatchObject({ version: "0.1.0", client: { version: "0.1.0" } });
    expect(json("processor.cpuprofile")["nodes"]).not.toBeEmpty();
    expect(contents.get("metrics.txt")).toContain("konsul_raft_state 1");
    expect(contents.get("log.txt")).toContain("Konsul starts");
    const all = [...contents.values()].join("\n");
    for (const canary of [JOIN_TOKEN, VALUE, OPENTELEMETRY, secret])
      expect([canary.length > 10, all.includes(canary)]).toEqual([true, false]);
  });

  test("a folder does as well; what is missing is said, and the exit code is 1", async () => {
    const node = await startAgent(["--acl-enabled", "--dev"]);
    const made: { readonly secret?: string } = Object(
      await (await fetch(`${node.url}/acl/bootstrap`, { method: "POST" })).json(),
    );
    const out = join(temporaryFolder(), "bundle");
    const run = { url: node.url, environment: { KONSUL_TOKEN: made.secret ?? "" } };
    const whole = await konsul(["debug", "--out", out, "--profile=0", "--json"], run);
    expect(whole.code).toBe(0);
    const said: { readonly file?: string; readonly parts?: readonly string[]; readonly problems?: readonly string[] } =
      JSON.parse(whole.out);
    expect([said.file, said.problems]).toEqual([out, []]);
    expect(readdirSync(out).toSorted()).toEqual([...(said.parts ?? [])].toSorted());
    // Without a token everything is refused: that, too, is for the person who asked for the bundle.
    const refused = await konsul(["debug", "--out", join(out, "again"), "--profile=0"], { url: node.url });
    expect(refused.code).toBe(1);
    expect(refused.problems).toContain("settings, log and profile: ");
    expect(refused.problems).not.toContain("\n    at ");
    const nobody = await konsul(["debug"], { url: "http://127.0.0.1:9" });
    expect([nobody.code, nobody.out]).toEqual([1, ""]);
    expect(nobody.problems).toContain("Cannot reach the agent at http://127.0.0.1:9");
    const unwritable = await konsul(["debug", "--profile=0", "--out", "/proc/nothing/bundle"], run);
    expect([unwritable.code, unwritable.problems]).toEqual([
      1,
      expect.stringContaining("Name another place with --out"),
    ]);
    const wrong = await konsul(["debug", "--profile=soon"], run);
    expect([wrong.code, wrong.problems]).toEqual([
      2,
      expect.stringContaining("--profile must be a whole number from 0 to 60"),
    ]);
  });

  test("one profile at a time", async () => {
    const node = await startAgent(["--dev"]);
    const profiles = await Promise.all([1, 2].map(async () => fetch(`${node.url}/debug?profile=1`)));
    expect(profiles.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect((await fetch(`${node.url}/debug?profile=1`)).status).toBe(200);
    expect((await fetch(`${node.url}/debug?profile=61`)).status).toBe(400);
    // They were meant to take that long.
    expect(node.log()).not.toMatch(/A slow request .*route=\/debug/);
  });
});

describe("konsul debug log", () => {
  test("prints the entries of a stopped agent's log as JSON lines, values only when asked", async () => {
    const folder = join(temporaryFolder(), "data");
    mkdirSync(folder);
    const node = await startAgent([`--data-dir=${folder}`]);
    await fetch(`${node.url}/kv/web/port`, { method: "PUT", body: VALUE });
    await fetch(`${node.url}/kv/once`, { method: "PUT", body: VALUE, headers: { "Idempotency-Key": "mine" } });
    const inUse = await konsul(["debug", "log", folder]);
    expect([inUse.code, inUse.out]).toEqual([1, ""]);
    expect(inUse.problems).toContain("stop");
    expect(await node.end("SIGTERM")).toBe(0);
    const dumped = await konsul(["debug", "log", folder]);
    expect([dumped.code, dumped.problems]).toEqual([0, ""]);
    const entries = dumped.out.trim().split("\n").map(record);
    expect(entries.map(({ index }) => index)).toEqual(entries.map((_, at) => at + 1));
    expect(entries[0]).toMatchObject({ index: 1, kind: "membership", membership: { outgoing: [], learners: [] } });
    expect(entries).toContainEqual(expect.objectContaining({ kind: "noop" }));
    const size = `(${VALUE.length} bytes)`;
    const put = expect.objectContaining({ kind: "kv-set", key: "web/port", value: size, flags: "0" });
    expect(entries).toContainEqual(expect.objectContaining({ kind: "command", command: put }));
    const inner = expect.objectContaining({ kind: "kv-set", key: "once", value: size });
    expect(entries).toContainEqual(
      expect.objectContaining({ command: expect.objectContaining({ kind: "once", command: inner }) }),
    );
    expect(dumped.out).not.toContain(VALUE);
    const last = entries.length;
    const shown = await konsul(["debug", "log", folder, "--values", `--from=${last}`, `--to=${last}`]);
    expect(shown.out.trim().split("\n").length).toBe(1);
    expect(shown.out).toContain(Buffer.from(VALUE).toString("base64"));
    const none = await konsul(["debug", "log", "/nowhere"]);
    expect([none.code, none.problems]).toEqual([1, expect.stringContaining("/nowhere is no data folder of Konsul")]);
    // Read from a copy: the agent starts with it again.
    const again = await startAgent([`--data-dir=${folder}`]);
    expect(await (await fetch(`${again.url}/kv/web/port?raw`)).text()).toBe(VALUE);
  });
});

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);
afterAll(cleanUp);

const KEYS = ["a", "web/port", "a b", "a%2Fb", "ü/ñ", "😀", "a+b", "x?y#z", "a\\b", "...", "k".repeat(1024)];

async function put(url: string, key: string, body: Uint8Array | string): Promise<Response> {
  return fetch(`${url}/kv?key=${encodeURIComponent(key)}`, { method: "PUT", body });
}

async function get(url: string, key: string): Promise<Uint8Array | number> {
  const answer = await fetch(`${url}/kv?raw&key=${encodeURIComponent(key)}`);
  return answer.status === 200 ? new Uint8Array(await answer.arrayBuffer()) : answer.status;
}

describe("a single durable node", () => {
  test("keeps every kind of key and value over a restart", async () => {
    const folder = temporaryFolder();
    const first = await startAgent(["--data-dir", folder]);
    const value = (key: string): Uint8Array => new TextEncoder().encode(`value of ${key}`);
    for (const key of KEYS) expect((await put(first.url, key, value(key))).status).toBe(200);
    expect((await put(first.url, "empty", "")).status).toBe(200);
    expect((await put(first.url, "largest", new Uint8Array(512 * 1024))).status).toBe(200);
    expect((await put(first.url, "too-large", new Uint8Array(512 * 1024 + 1))).status).toBe(413);
    for (const key of ["", "k".repeat(1025), "nul\0"]) expect((await put(first.url, key, "x")).status).toBe(400);
    expect(await first.end("SIGTERM")).toBe(0);

    const second = await startAgent(["--data-dir", folder]);
    for (const key of KEYS) expect(await get(second.url, key)).toEqual(value(key));
    expect(await get(second.url, "empty")).toEqual(new Uint8Array(0));
    expect(await get(second.url, "largest")).toEqual(new Uint8Array(512 * 1024));
    expect(await get(second.url, "too-large")).toBe(404);
    expect(await second.end("SIGINT")).toBe(0);
  });

  test("the same id and cluster come back, and the log is compacted behind snapshots", async () => {
    const folder = temporaryFolder();
    const flags = [
      "--data-dir",
      folder,
      "--snapshot-interval",
      "50ms",
      "--snapshot-threshold",
      "20",
      "--trailing-logs",
      "5",
    ];
    const first = await startAgent(flags);
    const before: unknown = await (await fetch(`${first.url}/cluster/status`)).json();
    for (let at = 0; at < 300; at += 1) await put(first.url, `k${at % 40}`, `v${at}`);
    const taken = await fetch(`${first.url}/cluster/snapshot`, { method: "POST" });
    expect([200, 409]).toContain(taken.status);
    await first.end("SIGKILL");
    const second = await startAgent(flags);
    const after: unknown = await (await fetch(`${second.url}/cluster/status`)).json();
    expect(after).toMatchObject({ cluster_id: Object(before).cluster_id, leader: { id: Object(before).leader.id } });
    expect(Object(after).stats.first_log_index).toBeGreaterThan(100);
    for (let at = 260; at < 300; at += 1)
      expect(await get(second.url, `k${at % 40}`)).toEqual(new TextEncoder().encode(`v${at}`));
  });

  test("a second process on the same folder is refused in words", async () => {
    const folder = temporaryFolder();
    await startAgent(["--data-dir", folder]);
    const { code, problems } = await konsul(["agent", "--port", "0", "--data-dir", folder]);
    expect([code, problems]).toEqual([1, expect.stringContaining("another process")]);
  });

  test("a taken port is refused in words, and the folder is free again", async () => {
    const folder = temporaryFolder();
    const { url } = await startAgent(["--dev"]);
    const { code, problems } = await konsul(["agent", "--port", new URL(url).port, "--data-dir", folder]);
    expect([code, problems]).toEqual([1, expect.stringContaining("Cannot listen")]);
    await startAgent(["--data-dir", folder]);
  });

  test("SIGTERM answers what is under way, and a waiting read ends", async () => {
    const agent = await startAgent(["--dev"]);
    await put(agent.url, "w", "1");
    const index = (await fetch(`${agent.url}/kv/w`)).headers.get("x-konsul-index") ?? "";
    const waiting = fetch(`${agent.url}/kv/w?index=${index}&wait=1m`);
    const writes = Array.from({ length: 50 }, async (_, at) => put(agent.url, `s${at}`, "x"));
    await Promise.all(writes);
    expect(await agent.end("SIGTERM")).toBe(0);
    expect((await waiting).status).toBe(503);
  });

  test("--dev writes nothing to disk", async () => {
    const folder = temporaryFolder();
    const agent = await startAgent(["--dev", "--data-dir", `${folder}/never`]);
    await put(agent.url, "a", "b");
    await agent.end("SIGTERM");
    expect([...new Bun.Glob("**").scanSync({ cwd: folder, onlyFiles: false })]).toEqual([]);
  });

  test("log lines are JSON when asked for", async () => {
    const agent = await startAgent(["--dev"], { KONSUL_LOG_FORMAT: "text" });
    await agent.end("SIGTERM");
    const { problems } = await konsul(["agent", "--log-format", "json", "--port", "0", "--data-dir", "/dev/null/x"]);
    const [line = ""] = problems.split("\n");
    expect(JSON.parse(line)).toMatchObject({ level: "info", message: "Konsul starts" });
  });
});

describe("a folder that is not what it was", () => {
  test("a node whose log was taken away refuses to begin anew", async () => {
    const folder = temporaryFolder();
    const agent = await startAgent(["--data-dir", folder]);
    await put(agent.url, "a", "b");
    await agent.end("SIGTERM");
    rmSync(join(folder, "raft"), { recursive: true });
    const { code, problems } = await konsul(["agent", "--port", "0", "--data-dir", folder]);
    expect([code, problems]).toEqual([1, expect.stringContaining("belonged to a cluster")]);
  });

  test("a damaged log is refused with what to do, and left as it is", async () => {
    const folder = temporaryFolder();
    const agent = await startAgent(["--data-dir", folder]);
    await put(agent.url, "a", "b");
    await agent.end("SIGKILL");
    const wal = join(folder, "raft", "raft.db-wal");
    writeFileSync(wal, new Uint8Array(0));
    const before = readFileSync(join(folder, "raft", "raft.db"));
    const { code, problems } = await konsul(["agent", "--port", "0", "--data-dir", folder]);
    expect([code, problems]).toEqual([1, expect.stringMatching(/Cannot trust the data .*backup/)]);
    expect(readFileSync(join(folder, "raft", "raft.db"))).toEqual(before);
  });

  test("files taken away under a running node make it stop serving, and say so", async () => {
    const folder = temporaryFolder();
    const agent = await startAgent(["--data-dir", folder]);
    await put(agent.url, "a", "b");
    rmSync(join(folder, "raft"), { recursive: true });
    while ((await fetch(`${agent.url}/health/ready`)).status === 200) await Bun.sleep(20);
    expect((await fetch(`${agent.url}/health/live`)).status).toBe(200);
    const refused = await put(agent.url, "a", "c");
    expect([refused.status, Object(await refused.json()).error]).toEqual([503, "untrusted_node"]);
  });

  test("a node that ran alone becomes the first of a cluster, with its data", async () => {
    const folder = temporaryFolder();
    const alone = await startAgent(["--data-dir", folder]);
    await put(alone.url, "kept", "yes");
    await alone.end("SIGTERM");
    const [http = 0, first = 0, second = 0] = freePorts(3);
    const leader = await startAgent([
      "--port",
      String(http),
      "--data-dir",
      folder,
      "--raft",
      "--raft-bind-addr",
      `127.0.0.1:${first}`,
    ]);
    const joined = await startAgent([
      "--data-dir",
      temporaryFolder(),
      "--raft-bind-addr",
      `127.0.0.1:${second}`,
      "--join",
      `127.0.0.1:${first}`,
    ]);
    expect(await (await fetch(`${joined.url}/kv/kept?raw&consistent`)).text()).toBe("yes");
    expect((await put(leader.url, "more", "1")).status).toBe(200);
  });
});

test("a second signal ends the process at once", async () => {
  const agent = await startAgent(["--dev"]);
  // A request whose body never ends would hold a graceful stop until its deadline.
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(agent.url).port),
    socket: { data: () => undefined },
  });
  socket.write("PUT /kv/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx");
  await fetch(`${agent.url}/health/live`);
  agent.child.kill("SIGTERM");
  while (!agent.log().includes("Stopping")) await Bun.sleep(2);
  expect(agent.child.exitCode).toBeNull();
  expect(await agent.end("SIGTERM")).toBe(1);
  socket.end();
});

import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

interface Cluster {
  readonly nodes: AgentProcess[];
  readonly start: (at: number) => Promise<AgentProcess>;
}

async function startCluster(size: number): Promise<Cluster> {
  const folder = temporaryFolder();
  const ports = freePorts(2 * size);
  const start = async (at: number): Promise<AgentProcess> => {
    const http = ports[at] ?? 0;
    return startAgent([
      "--port",
      String(http),
      "--data-dir",
      join(folder, `n${at}`),
      "--node-id",
      `node-${at}`,
      "--raft-bind-addr",
      `127.0.0.1:${ports[size + at]}`,
      "--join-token",
      "secret",
      ...(at === 0 ? ["--bootstrap"] : ["--join", `127.0.0.1:${ports[size]}`]),
    ]);
  };
  const nodes: AgentProcess[] = [];
  for (let at = 0; at < size; at += 1) nodes.push(await start(at));
  // Their number is there before the change that makes them is over.
  const tolerance = Math.ceil(size / 2) - 1;
  await untilStatus(nodes, ({ voters, state, failure_tolerance: now }) => {
    return voters === size && state === "healthy" && now === tolerance;
  });
  return { nodes, start };
}

type Status = {
  readonly voters: number;
  readonly state: string;
  readonly leader: { readonly id: string } | null;
  readonly cluster_id: string;
  readonly healthy_voters: number | null;
  readonly failure_tolerance: number | null;
  readonly autopilot: { readonly healthy: boolean } | null;
  readonly partial?: boolean;
  readonly stats: { readonly last_snapshot_index: number };
};

async function status(node: AgentProcess): Promise<Status | undefined> {
  const answer = await fetch(`${node.url}/cluster/status`).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const body: Status = Object(await answer.json());
  return body;
}

async function untilStatus(nodes: readonly AgentProcess[], isReached: (status: Status) => boolean): Promise<void> {
  for (const node of nodes) {
    for (let found = await status(node); found === undefined || !isReached(found); found = await status(node))
      await Bun.sleep(20);
  }
}

async function leaderOf(nodes: readonly AgentProcess[]): Promise<number> {
  for (;;) {
    for (const node of nodes) {
      const id = (await status(node))?.leader?.id;
      if (id !== undefined) return Number(id.split("-")[1]);
    }
    await Bun.sleep(20);
  }
}

/** Writes anywhere, following redirects; tries again after 503, and after 504, too: the value is the same then. */
async function put(nodes: readonly AgentProcess[], key: string, value: string): Promise<number> {
  for (let at = 0; ; at = (at + 1) % nodes.length) {
    const answer = await fetch(`${nodes[at]?.url}/kv/${key}`, { method: "PUT", body: value }).catch(() => undefined);
    if (answer !== undefined && answer.status !== 503 && answer.status !== 504) return answer.status;
    await Bun.sleep(10);
  }
}

describe("three nodes", () => {
  test("form one cluster, take writes and consistent reads on every node", async () => {
    const { nodes } = await startCluster(3);
    expect(new Set(await Promise.all(nodes.map(async (node) => (await status(node))?.cluster_id))).size).toBe(1);
    for (const [at, node] of nodes.entries()) {
      const written = await fetch(`${node.url}/kv/from-${at}`, { method: "PUT", body: `value ${at}` });
      expect(written.status).toBe(200);
      for (const reader of nodes)
        expect(await (await fetch(`${reader.url}/kv/from-${at}?raw&consistent`)).text()).toBe(`value ${at}`);
    }
    const leader = await leaderOf(nodes);
    const follower = nodes[(leader + 1) % 3];
    const redirect = await fetch(`${follower?.url}/kv/x?flags=1`, { method: "PUT", body: "x", redirect: "manual" });
    expect([redirect.status, redirect.headers.get("location")]).toEqual([307, `${nodes[leader]?.url}/kv/x?flags=1`]);
    expect((await konsul(["kv", "put", "by-cli", "v"], { url: follower?.url ?? "" })).code).toBe(0);
    // A follower may not know yet what the members run: what becomes of this is the leader's to say.
    const raise = await fetch(`${follower?.url}/cluster/upgrade/finalize`, { method: "POST", redirect: "manual" });
    expect([raise.status, raise.headers.get("location")]).toEqual([
      307,
      `${nodes[leader]?.url}/cluster/upgrade/finalize`,
    ]);
    const snapshots = async (): Promise<readonly unknown[]> =>
      Promise.all(
        [nodes[leader], follower].map(async (node) => node && (await status(node))?.stats.last_snapshot_index),
      );
    expect(await snapshots()).toEqual([0, 0]);
    const url = follower?.url ?? "";
    const { index }: { readonly index?: number } = Object(
      JSON.parse((await konsul(["cluster", "snapshot", "--json"], { url })).out),
    );
    expect(index).toBeGreaterThan(0);
    expect(await snapshots()).toEqual([index, 0]);
    const own = await fetch(`${url}/cluster/snapshot?local`, { method: "POST", redirect: "manual" });
    expect(own.status).toBe(200);
    expect(await snapshots()).toEqual([index, Object(await own.json()).index]);
  });

  test("survive SIGKILL of the leader, and the node that died comes back with everything", async () => {
    const { nodes, start } = await startCluster(3);
    for (let at = 0; at < 50; at += 1) expect(await put(nodes, `before-${at}`, String(at))).toBe(200);
    const dead = await leaderOf(nodes);
    await nodes[dead]?.end("SIGKILL");
    const alive = nodes.filter((_, at) => at !== dead);
    for (let at = 0; at < 50; at += 1) expect(await put(alive, `after-${at}`, String(at))).toBe(200);
    const back = await start(dead);
    for (let at = 0; at < 50; at += 1) {
      for (const key of [`before-${at}`, `after-${at}`]) {
        expect([key, await (await fetch(`${back.url}/kv/${key}?raw&consistent`)).text()]).toEqual([key, String(at)]);
      }
    }
  });

  test("are seen the same on every node, and a node that can ask no leader says that it knows little", async () => {
    const { nodes } = await startCluster(3);
    const leader = await leaderOf(nodes);
    const [asked, lost] = [nodes[(leader + 1) % 3], nodes[(leader + 2) % 3]];
    if (asked === undefined) throw new Error("there are three nodes");
    await untilStatus([asked], (seen) => seen.healthy_voters === 3 && seen.autopilot?.healthy === true);
    await lost?.end("SIGKILL");
    await untilStatus([asked], (seen) => seen.state === "degraded" && seen.healthy_voters === 2);
    const get = async (path: string): Promise<unknown> => (await fetch(`${asked.url}${path}`)).json();
    expect(await get("/cluster/status")).not.toHaveProperty("partial");
    expect(await get("/cluster/health")).toMatchObject({ state: "degraded", servers: { length: 3 } });
    expect(await get("/cluster/autopilot/state")).toMatchObject({ healthy: false, servers: { length: 3 } });
    expect(await get("/cluster/peers")).toMatchObject({
      peers: expect.arrayContaining([expect.objectContaining({ state: "unreachable" })]),
    });
    // Connected, but silent: nobody waits for it longer than half a second.
    nodes[leader]?.child.kill("SIGSTOP");
    expect(await get("/cluster/status")).toMatchObject({
      partial: true,
      state: expect.not.stringMatching("^healthy$"),
    });
    await nodes[leader]?.end("SIGKILL");
    await untilStatus([asked], (seen) => seen.state === "unavailable" && seen.partial === true && seen.leader === null);
    expect(await get("/cluster/peers")).toMatchObject({ partial: true });
  });

  test("hand leadership over when the leader is told to stop", async () => {
    const { nodes } = await startCluster(3);
    const leader = await leaderOf(nodes);
    expect(await nodes[leader]?.end("SIGTERM")).toBe(0);
    const rest = nodes.filter((_, at) => at !== leader);
    expect(await put(rest, "after", "x")).toBe(200);
    await untilStatus(rest, (found) => found.leader !== null && found.leader.id !== `node-${leader}`);
  });

  test("all stop and all come back: nothing is lost", async () => {
    const { nodes, start } = await startCluster(3);
    for (let at = 0; at < 30; at += 1) expect(await put(nodes, `k${at}`, String(at))).toBe(200);
    await Promise.all(nodes.map(async (node) => node.end("SIGKILL")));
    const again = await Promise.all([0, 1, 2].map(start));
    for (let at = 0; at < 30; at += 1)
      expect(await (await fetch(`${again[at % 3]?.url}/kv/k${at}?raw&consistent`)).text()).toBe(String(at));
  });
});

test("a node with a wrong token is not let in, and the cluster does not notice", async () => {
  const folder = temporaryFolder();
  const [http = 0, peer = 0, other = 0] = freePorts(3);
  const first = await startAgent([
    "--port",
    String(http),
    "--data-dir",
    join(folder, "a"),
    "--raft-bind-addr",
    `127.0.0.1:${peer}`,
    "--bootstrap",
    "--join-token",
    "right",
  ]);
  const second = Bun.spawn(
    [
      process.env["KONSUL_BIN"] ?? "dist/konsul",
      "agent",
      "--port",
      "0",
      "--data-dir",
      join(folder, "b"),
      "--raft-bind-addr",
      `127.0.0.1:${other}`,
      "--join",
      `127.0.0.1:${peer}`,
      "--join-token",
      "wrong",
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  while (!first.log().includes("join token")) await Bun.sleep(20);
  second.kill("SIGKILL");
  await second.exited;
  expect(await status(first)).toMatchObject({ voters: 1, state: "healthy" });
  const metrics = await (await fetch(`${first.url}/metrics`)).text();
  // Whoever judges the other's proof first names the token; the other side is told.
  expect(/^konsul_peer_rejected_total\{reason="(?:token|refused-by-peer)"\} [1-9]/m.test(metrics)).toBe(true);
});

test("a node whose HTTP port the system chose tells the others which one it is", async () => {
  const folder = temporaryFolder();
  const [first = 0, second = 0] = freePorts(2);
  const start = async (id: string, peer: number, how: string): Promise<AgentProcess> =>
    startAgent([
      "--port=0",
      `--node-id=${id}`,
      `--data-dir=${join(folder, id)}`,
      `--raft-bind-addr=127.0.0.1:${peer}`,
      how,
    ]);
  const leader = await start("a", first, "--bootstrap");
  const follower = await start("b", second, `--join=127.0.0.1:${first}`);
  const sent = await fetch(`${follower.url}/kv/k`, { method: "PUT", body: "1", redirect: "manual" });
  expect([sent.status, sent.headers.get("Location")]).toEqual([307, `${leader.url}/kv/k`]);
  // Chosen anew at each start.
  await leader.end("SIGTERM");
  const again = await start("a", first, "--bootstrap");
  const addresses = async (): Promise<readonly string[]> => {
    const { peers }: { readonly peers: readonly { readonly http_address: string }[] } = Object(
      await (await fetch(`${follower.url}/cluster/peers`)).json(),
    );
    return peers.map(({ http_address }) => `http://${http_address}`).toSorted();
  };
  const wanted = [again.url, follower.url].toSorted();
  while (String(await addresses()) !== String(wanted)) await Bun.sleep(20);
});

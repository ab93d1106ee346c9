import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

interface Status {
  readonly state: string;
  readonly voters: number;
  readonly failure_tolerance: number | null;
  readonly leader: { readonly id: string } | null;
  readonly nodes: readonly { readonly id: string; readonly voter: boolean; readonly state: string }[];
}

async function statusOf(node: AgentProcess): Promise<Status | undefined> {
  const answer = await fetch(`${node.url}/cluster/status`).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const body: Status = Object(await answer.json());
  return body;
}

async function until(node: AgentProcess, isReached: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const found = await statusOf(node);
    if (found !== undefined && isReached(found)) return found;
    await Bun.sleep(20);
  }
}

/** Starts nodes of one cluster on demand; the first forms it. */
function cluster(size: number): (at: number) => Promise<AgentProcess> {
  const folder = temporaryFolder();
  const ports = freePorts(2 * size);
  return async (at) =>
    startAgent([
      `--port=${ports[at]}`,
      `--node-id=node-${at}`,
      `--data-dir=${join(folder, `n${at}`)}`,
      `--raft-bind-addr=127.0.0.1:${ports[size + at]}`,
      "--join-token=secret",
      ...(at === 0 ? ["--bootstrap"] : ports.slice(size, size + at).map((port) => `--join=127.0.0.1:${port}`)),
    ]);
}

async function started(size: number, of = size): Promise<readonly [AgentProcess[], ReturnType<typeof cluster>]> {
  const start = cluster(of);
  const nodes: AgentProcess[] = [];
  for (let at = 0; at < size; at += 1) nodes.push(await start(at));
  // Their number is there before the change that makes them is over.
  const tolerance = Math.ceil(size / 2) - 1;
  for (const node of nodes) {
    await until(node, ({ voters, failure_tolerance: now }) => voters === size && now === tolerance);
  }
  return [nodes, start];
}

function named(nodes: readonly AgentProcess[], id: string | undefined): AgentProcess {
  const node = nodes[Number(id?.split("-")[1])];
  if (node === undefined) throw new Error(`there is no ${id}`);
  return node;
}

async function call(node: AgentProcess, method: string, path: string): Promise<readonly [number, unknown]> {
  const answer = await fetch(`${node.url}${path}`, { method });
  const body: { readonly error?: unknown } = Object(await answer.json());
  return [answer.status, body.error];
}

describe("members", () => {
  test("come and go under load: two join five, the first two leave, and nothing that was stored is lost", async () => {
    const [nodes, start] = await started(3, 5);
    const stored: string[] = [];
    let isOver = false;
    const writer = async (): Promise<void> => {
      for (let number = 0; !isOver; number += 1) {
        const node = nodes[2 + (number % (nodes.length - 2))];
        const key = `k${number}`;
        const answer = await fetch(`${node?.url}/kv/${key}`, { method: "PUT", body: key }).catch(() => undefined);
        if (answer?.status === 200) stored.push(key);
      }
    };
    const writing = writer();
    nodes.push(await start(3), await start(4));
    const [, , third] = nodes;
    if (third === undefined) throw new Error("there is no third node");
    await until(third, ({ voters }) => voters === 5);
    for (const id of ["node-0", "node-1"]) {
      const left = await konsul(["cluster", "leave", "--node", id], { url: third.url });
      expect([left.code, left.problems]).toEqual([0, expect.any(String)]);
    }
    const found = await until(third, ({ voters, leader }) => voters === 3 && leader !== null);
    expect(found.nodes.map(({ id }) => id).toSorted()).toEqual(["node-2", "node-3", "node-4"]);
    const before = stored.length;
    while (stored.length < before + 50) await Bun.sleep(5);
    isOver = true;
    await writing;
    for (const key of stored) expect(await (await fetch(`${third.url}/kv/${key}?raw&consistent`)).text()).toBe(key);
  });

  test("leave with a clear error when they are unknown, the last, or needed for the quorum", async () => {
    const [nodes] = await started(3);
    const first = named(nodes, "node-0");
    expect(await call(first, "DELETE", "/cluster/leave/nobody")).toEqual([404, "not_found"]);
    const leaderId = (await statusOf(first))?.leader?.id;
    const leader = named(nodes, leaderId);
    const [dead, alive] = nodes.filter((node) => node !== leader);
    await dead?.end("SIGKILL");
    await until(leader, ({ nodes: seen }) => seen.some(({ state }) => state === "unreachable"));
    const aliveId = `node-${nodes.findIndex((node) => node === alive)}`;
    expect(await call(leader, "DELETE", `/cluster/leave/${aliveId}`)).toEqual([409, "would_lose_quorum"]);
    // The leader itself cannot be spared either, and goes on leading.
    for (const words of [["leave"], ["cluster", "leave", "--node", leaderId ?? ""]]) {
      const needed = await konsul(words, { url: leader.url });
      expect([words, needed.code, needed.problems]).toEqual([
        words,
        1,
        expect.stringContaining("only 1 of the 2 voters"),
      ]);
    }
    expect((await statusOf(leader))?.leader?.id).toBe(leaderId);
    const doomed = await konsul(["cluster", "leave", "--node", aliveId], { url: leader.url });
    expect([doomed.code, doomed.problems]).toEqual([1, expect.stringContaining("Bring back those that do not answer")]);
    const lonely = await startAgent(["--dev", "--node-id=lonely"]);
    expect((await call(lonely, "DELETE", "/cluster/leave/lonely"))[0]).toBe(409);
    const refused = await konsul(["cluster", "leave", "--node", "lonely"], { url: lonely.url });
    expect(refused.code).toBe(1);
    expect((await fetch(`${lonely.url}/kv/still`, { method: "PUT", body: "works" })).status).toBe(200);
  });

  test("are demoted for good, promoted again, and take leadership when asked", async () => {
    const [nodes] = await started(3);
    const leaderId = (await statusOf(named(nodes, "node-0")))?.leader?.id;
    const leader = named(nodes, leaderId);
    const other = `node-${nodes.findIndex((node) => node !== leader)}`;
    expect((await konsul(["cluster", "demote", other], { url: leader.url })).code).toBe(0);
    await until(leader, ({ voters }) => voters === 2);
    expect((await fetch(`${leader.url}/kv/a`, { method: "PUT", body: "1" })).status).toBe(200);
    expect((await statusOf(leader))?.voters).toBe(2);
    // Asked on a follower: the command follows the redirect to the leader.
    expect((await konsul(["cluster", "promote", other], { url: named(nodes, other).url })).code).toBe(0);
    await until(leader, ({ voters }) => voters === 3);
    // A name that cannot be read must not let anybody else lead.
    for (const [body, status] of [
      ['{"too": "node-1"}', 400],
      ['{"to": 1}', 400],
      ["node-1", 400],
      ['{"to": "nobody"}', 404],
      [JSON.stringify({ to: leaderId }), 200],
    ] as const) {
      const answer = await fetch(`${leader.url}/cluster/transfer`, { method: "POST", body });
      expect([body, answer.status]).toEqual([body, status]);
    }
    expect((await statusOf(leader))?.leader?.id).toBe(leaderId);
    // Of no type, as curl -d sends it.
    const sent = await fetch(`${leader.url}/cluster/transfer`, { method: "POST", body: JSON.stringify({ to: other }) });
    expect(sent.status).toBe(200);
    await until(leader, ({ leader: now }) => now?.id === other);
    await until(named(nodes, other), ({ state }) => state === "healthy");
    expect((await konsul(["cluster", "transfer", "--to", leaderId ?? ""], { url: leader.url })).code).toBe(0);
    await until(leader, ({ leader: now }) => now?.id === leaderId);
    expect((await konsul(["cluster", "transfer", "--to", other], { url: leader.url })).code).toBe(0);
    await until(leader, ({ leader: now }) => now?.id === other);
    await until(named(nodes, other), ({ state }) => state === "healthy");
    const health = await konsul(["cluster", "health"], { url: leader.url });
    expect([health.code, health.out.trim()]).toEqual([0, expect.stringContaining("healthy")]);
    await leader.end("SIGKILL");
    await until(named(nodes, other), ({ state }) => state === "degraded");
    const degraded = await konsul(["cluster", "health"], { url: named(nodes, other).url });
    expect([degraded.code, degraded.out]).toEqual([1, expect.stringContaining(`\n  ${leaderId} does not answer\n`)]);
  });
});

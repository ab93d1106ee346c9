import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { storePaths } from "../../src/storage/index.ts";
import { cleanUp, launchAgent, startAgent, type AgentProcess } from "./agent-process.ts";
import { site, statusOf, threeOf, untilPut, untilVoters, type Site } from "./site.ts";

afterEach(cleanUp);

/** A sample, with real processes, of what `test/integration/boot-matrix` does with all of it. */
const PEERS_OF = ({ peer }: Site): string => `--join=${peer.map((port) => `127.0.0.1:${port}`).join(",")}`;

async function idOf(url: string | undefined): Promise<string> {
  return (await statusOf(url ?? "")).cluster_id ?? "";
}

async function said(agent: Pick<AgentProcess, "log">, words: string): Promise<void> {
  while (!agent.log().includes(words)) await Bun.sleep(20);
}

async function stopAll(nodes: readonly AgentProcess[]): Promise<void> {
  for (const node of nodes) await node.end("SIGKILL");
}

describe("there are never two clusters", () => {
  test("the first node lost its disk and is started as on the first day: it stops, with both ids, and the others go on", async () => {
    const one = site(3);
    const nodes = await threeOf(one);
    const id = await idOf(one.urls[1]);
    await nodes[0]?.end("SIGKILL");
    rmSync(join(one.folder, "n0"), { recursive: true });
    const again = launchAgent(one.flags(0, "--bootstrap"));
    expect(await again.child.exited).toBe(1);
    expect(again.log()).toContain(`is a member of cluster ${id}`);
    await untilPut(one.urls[1], "a");
    expect([await idOf(one.urls[1]), await idOf(one.urls[2])]).toEqual([id, id]);
    // As its words say: an empty folder, and somebody to join.
    rmSync(join(one.folder, "n0"), { recursive: true });
    launchAgent(one.flags(0, "--bootstrap", PEERS_OF(one)));
    const all = await untilVoters(one.urls, 3);
    expect(new Set(all.map((status) => status.cluster_id))).toEqual(new Set([id]));
  });

  test("a node that ran alone does not join with its data: it names both clusters and ends", async () => {
    const one = site(2);
    const first = await startAgent(one.flags(0, "--bootstrap"));
    const second = await startAgent(one.flags(1, "--bootstrap"));
    const ids = [await idOf(one.urls[0]), await idOf(one.urls[1])];
    await second.end("SIGTERM");
    const again = launchAgent(one.flags(1, `--join=127.0.0.1:${one.peer[0]}`));
    expect(await again.child.exited).toBe(1);
    for (const id of ids) expect(again.log()).toContain(id);
    await untilPut(first.url, "a");
  });

  test("nodes that were all told to bootstrap stop with both names", async () => {
    const one = site(2);
    const both = [0, 1].map((at) => launchAgent(one.flags(at, "--bootstrap", PEERS_OF(one))));
    const first = await Promise.race(both.map(async ({ child }) => child.exited));
    expect(first).toBe(1);
    const logs = both.map(({ log }) => log()).join("\n");
    expect(logs).toContain("both node-");
    expect(logs).toContain("use bootstrap_expect on all");
  });
});

describe("no cluster is made beside a folder with data", () => {
  test("the first node lost its disk while nobody answers: it waits, and finds its cluster when the others are back", async () => {
    const one = site(3);
    const nodes = await threeOf(one);
    const id = await idOf(one.urls[0]);
    await untilPut(one.urls[0], "a");
    await stopAll(nodes);
    rmSync(join(one.folder, "n0"), { recursive: true });
    const wiped = launchAgent(one.flags(0, "--bootstrap", PEERS_OF(one)));
    await said(wiped, "Waiting to start a cluster");
    expect((await fetch(`${one.urls[0]}/health/ready`)).status).toBe(503);
    for (const at of [2, 1]) launchAgent(one.flags(at, PEERS_OF(one)));
    const all = await untilVoters(one.urls, 3);
    expect(new Set(all.map((status) => status.cluster_id))).toEqual(new Set([id]));
    expect(await (await fetch(`${one.urls[0]}/kv/a?raw&consistent`)).text()).toBe("a");
  });

  test("two empty nodes and one that lost its log expect two: they wait", async () => {
    const one = site(3);
    const template = ["--bootstrap-expect=2", PEERS_OF(one)];
    const nodes = [0, 1, 2].map((at) => launchAgent(one.flags(at, ...template)));
    await untilVoters(one.urls, 3);
    for (const node of nodes) await node.end("SIGKILL");
    for (const at of [0, 1]) rmSync(join(one.folder, `n${at}`), { recursive: true });
    rmSync(storePaths({ dataDir: join(one.folder, "n2") }).folder, { recursive: true });
    const lost = launchAgent(one.flags(2, ...template));
    await said(lost, "cannot be used");
    const empty = [0, 1].map((at) => launchAgent(one.flags(at, ...template)));
    for (const node of empty) await said(node, "lost the data of a cluster");
    expect(await Promise.all(one.urls.map(idOf))).toEqual(["", "", ""]);
  });
});

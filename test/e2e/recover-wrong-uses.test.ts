import { cpSync, existsSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, launchAgent, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { digest } from "./folder-digest.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

interface Cluster {
  readonly folder: string;
  readonly flags: (at: number, data: string, ...more: readonly string[]) => string[];
  readonly url: (at: number) => string;
}

/** Three nodes with one key, in folders n0 to n2, all killed. */
async function deadCluster(): Promise<Cluster> {
  const folder = temporaryFolder();
  const ports = freePorts(6);
  const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
  const flags: Cluster["flags"] = (at, data, ...more) => [
    `--port=${ports[at]}`,
    `--node-id=node-${at}`,
    `--data-dir=${join(folder, data)}`,
    `--raft-bind-addr=127.0.0.1:${ports[3 + at]}`,
    "--join-token=secret",
    ...more,
  ];
  const nodes: AgentProcess[] = [];
  for (const at of [0, 1, 2]) {
    nodes.push(await startAgent(flags(at, `n${at}`, at === 0 ? "--bootstrap" : `--join=127.0.0.1:${ports[3]}`)));
  }
  while ((await voters(url(0))) !== 3) await Bun.sleep(20);
  while ((await fetch(`${url(0)}/kv/a`, { method: "PUT", body: "1" })).status !== 200) await Bun.sleep(20);
  for (const at of [0, 1, 2]) while ((await fetch(`${url(at)}/kv/a`)).status !== 200) await Bun.sleep(20);
  for (const node of nodes) await node.end("SIGKILL");
  return { folder, flags, url };
}

async function voters(url: string): Promise<number | undefined> {
  const answer = await fetch(`${url}/cluster/status`).catch(() => undefined);
  const status: { readonly voters?: number } = answer?.status === 200 ? Object(await answer.json()) : {};
  return status.voters;
}

describe("konsul recover", () => {
  test("run twice refuses the second time, and changes neither folder", async () => {
    const { folder } = await deadCluster();
    const from = join(folder, "n1");
    const first = await konsul(["recover", "--from", from]);
    expect([first.code, first.out.trim()]).toEqual([0, `${from}.recovered`]);
    const before = [digest(from), digest(`${from}.recovered`)];
    const second = await konsul(["recover", "--from", from]);
    expect([second.code, second.problems]).toEqual([1, expect.stringContaining("is not empty")]);
    expect([digest(from), digest(`${from}.recovered`)]).toEqual(before);
  }, 120_000);

  test("refuses the folder of an agent that runs, one that is none, and one that is damaged, and leaves nothing behind", async () => {
    const { folder, flags } = await deadCluster();
    const [live, damaged] = [join(folder, "n0"), join(folder, "n1")];
    const running = launchAgent(flags(0, "n0", "--raft"));
    while (!running.log().includes("http=")) await Bun.sleep(20);
    const busy = await konsul(["recover", "--from", live]);
    expect([busy.code, busy.problems]).toEqual([1, expect.stringContaining("another process is working on it")]);
    await running.end("SIGKILL");
    const nothing = await konsul(["recover", "--from", join(folder, "nowhere")]);
    expect([nothing.code, nothing.problems]).toEqual([1, expect.stringContaining("no data folder")]);
    // What the witness remembers is not in the log any more.
    const wal = join(damaged, "raft", "raft.db-wal");
    truncateSync(wal, statSync(wal).size / 2);
    const refused = await konsul(["recover", "--from", damaged]);
    expect([refused.code, refused.problems]).toEqual([1, expect.stringContaining("cannot be used")]);
    expect(readdirSync(folder).toSorted()).toEqual(["n0", "n1", "n2"]);
  }, 120_000);

  test("takes a peers.json with several voters as those who may join, and makes a cluster of one all the same", async () => {
    const { folder, flags, url } = await deadCluster();
    const peers = join(folder, "peers.json");
    writeFileSync(peers, JSON.stringify([0, 1, 2].map((at) => ({ id: `node-${at}`, address: `10.0.0.${at}:7000` }))));
    const done = await konsul(["recover", "--from", join(folder, "n2"), "--peers", peers]);
    expect(done.code).toBe(0);
    for (const at of [0, 1, 2]) expect(done.problems).toContain(`May join: node-${at} at 10.0.0.${at}:7000`);
    await startAgent(flags(2, "n2.recovered", "--raft"));
    expect(await voters(url(2))).toBe(1);
    writeFileSync(peers, '{"node": 1}');
    const wrong = await konsul(["recover", "--from", join(folder, "n1"), "--peers", peers]);
    expect([wrong.code, wrong.problems]).toEqual([1, expect.stringContaining("must be a list")]);
    expect(existsSync(join(folder, "n1.recovered"))).toBe(false);
  }, 120_000);

  test("of two folders makes two clusters that never mix, and the others' old folders are turned away by both", async () => {
    const { folder, flags, url } = await deadCluster();
    cpSync(join(folder, "n0"), join(folder, "old"), { recursive: true });
    for (const at of [1, 2]) expect((await konsul(["recover", "--from", join(folder, `n${at}`)])).code).toBe(0);
    // Each knows the other's address, and asks there.
    const peerOf = (at: number): string => (flags(at, "")[3] ?? "").replace("--raft-bind-addr=", "");
    const first = await startAgent(flags(1, "n1.recovered", `--join=${peerOf(2)}`));
    const second = await startAgent(flags(2, "n2.recovered", `--join=${peerOf(1)}`));
    const old = launchAgent(flags(0, "old", `--join=${peerOf(1)},${peerOf(2)}`));
    while (!old.log().includes("refused-by-peer")) await Bun.sleep(20);
    for (const node of [first, second]) {
      expect((await fetch(`${node.url}/kv/only`, { method: "PUT", body: node.url })).status).toBe(200);
      expect(await (await fetch(`${node.url}/kv/only?raw&consistent`)).text()).toBe(node.url);
      expect(await voters(node.url)).toBe(1);
    }
    expect((await fetch(`${url(0)}/health/ready`).catch(() => undefined))?.status).not.toBe(200);
  }, 120_000);
});

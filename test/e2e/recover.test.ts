import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { cleanUp, konsul, launchAgent, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { digest } from "./folder-digest.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

async function untilVoters(
  url: string,
  voters: number,
): Promise<{ readonly cluster_id?: string; readonly voters?: number }> {
  for (;;) {
    const answer = await fetch(`${url}/cluster/status`).catch(() => undefined);
    const status: { readonly cluster_id?: string; readonly voters?: number; readonly leader?: unknown } =
      answer?.status === 200 ? Object(await answer.json()) : {};
    if (status.voters === voters && status.leader !== null && status.leader !== undefined) return status;
    await Bun.sleep(20);
  }
}

test("after the loss of two of three nodes, a cluster of one is made from the survivor, and two empty nodes join it", async () => {
  const folder = temporaryFolder();
  const ports = freePorts(10);
  const flags = (at: number, data: string, ...more: string[]): string[] => [
    `--port=${ports[at]}`,
    `--node-id=node-${at}`,
    `--data-dir=${join(folder, data)}`,
    `--raft-bind-addr=127.0.0.1:${ports[5 + at]}`,
    "--join-token=secret",
    ...more,
  ];
  const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
  const nodes: AgentProcess[] = [];
  for (const at of [0, 1, 2]) {
    nodes.push(await startAgent(flags(at, `n${at}`, at === 0 ? "--bootstrap" : `--join=127.0.0.1:${ports[5]}`)));
  }
  const before = await untilVoters(url(2), 3);
  let index = 0;
  for (let i = 0; i < 40; i += 1) {
    const write = await fetch(`${url(2)}/kv/k${i}`, { method: "PUT", body: `v${i}` });
    const body: { readonly modify_index?: number } = Object(await write.json());
    index = Math.max(index, body.modify_index ?? 0);
  }
  await untilVoters(url(2), 3);
  expect((await fetch(`${url(2)}/kv/k39?consistent`)).status).toBe(200);
  const survivor = join(folder, "n2");
  const busy = await konsul(["recover", "inspect", survivor]);
  expect([busy.code, busy.problems]).toEqual([1, expect.stringContaining("another process is working on it")]);
  for (const node of nodes) await node.end("SIGKILL");
  cpSync(join(folder, "n1"), join(folder, "lost"), { recursive: true });
  const digestBefore = digest(survivor);
  const seen = await konsul(["recover", "inspect", survivor, "--json"]);
  const found: { readonly folders?: readonly unknown[] } = JSON.parse(seen.out);
  expect(found.folders).toEqual([
    expect.objectContaining({ node_id: "node-2", keys: 40, cluster_id: before.cluster_id }),
  ]);
  expect((await konsul(["recover"])).code).toBe(2);
  const nowhere = await konsul(["recover", "--from", folder]);
  expect([nowhere.code, nowhere.problems]).toEqual([1, expect.stringContaining("no data folder")]);
  const full = await konsul(["recover", "--from", survivor, "--to", join(folder, "n1")]);
  expect([full.code, full.problems]).toEqual([1, expect.stringContaining("not empty")]);
  const done = await konsul(["recover", "--from", survivor]);
  expect([done.code, done.problems]).toEqual([0, expect.stringContaining("40 keys")]);
  expect(digest(survivor)).toBe(digestBefore);
  expect(existsSync(`${survivor}.recovered`)).toBe(true);
  await startAgent(flags(2, "n2.recovered", "--raft"));
  const after = await untilVoters(url(2), 1);
  expect(after.cluster_id).toBe(before.cluster_id);
  // A node of the old epoch finds no way back in, and does not disturb.
  const old = launchAgent(flags(1, "lost", `--join=127.0.0.1:${ports[7]}`));
  while (!/refused-by-peer|epoch/.test(old.log())) await Bun.sleep(20);
  await old.end("SIGKILL");
  for (const at of [3, 4]) await startAgent(flags(at, `n${at}`, `--join=127.0.0.1:${ports[7]}`));
  for (const at of [2, 3, 4]) await untilVoters(url(at), 3);
  for (const at of [2, 3, 4]) {
    for (let i = 0; i < 40; i += 1)
      expect(await (await fetch(`${url(at)}/kv/k${i}?raw&consistent`)).text()).toBe(`v${i}`);
  }
  const write = await fetch(`${url(2)}/kv/new`, { method: "PUT", body: "1" });
  const body: { readonly modify_index?: number } = Object(await write.json());
  expect(body.modify_index).toBeGreaterThan(index + 2 ** 20);
}, 120_000);

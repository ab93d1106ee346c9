import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { storePaths } from "../../../src/storage/index.ts";
import { Witness } from "../../../src/storage/witness.ts";
import { cleanUp, konsul, startAgent } from "../agent-process.ts";
import { digest } from "../folder-digest.ts";
import { freePorts } from "../free-ports.ts";
import { startFaultyCluster, type FaultyCluster } from "./faulty-cluster.ts";
import { fillUp, smallPlace } from "./places.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("SKIP: a full disk is made with a small tmpfs, which needs root");

afterEach(cleanUp);

const ALL = [0, 1, 2] as const;

async function loaded(places: readonly string[] = []): Promise<FaultyCluster> {
  const cluster = await startFaultyCluster(places);
  cluster.load.start();
  await cluster.load.more(100);
  return cluster;
}

async function kill(cluster: FaultyCluster): Promise<void> {
  for (const at of ALL) await cluster.nodeAt(at).end("SIGKILL");
  await cluster.load.stop();
}

async function clusterIds(cluster: FaultyCluster): Promise<readonly string[]> {
  const ids = await Promise.all(
    cluster.urls.map(async (url) => {
      const answer = await fetch(`${url}/cluster/status`).catch(() => undefined);
      const status: { readonly cluster_id?: string } = answer === undefined ? {} : Object(await answer.json());
      return status.cluster_id;
    }),
  );
  return [...new Set(ids.filter((id) => id !== undefined))];
}

/** A cluster of one from a folder, with everything that was acknowledged. */
async function recovered(cluster: FaultyCluster, at: number, flags: readonly string[]): Promise<void> {
  const to = `${cluster.folderOf(at)}.recovered`;
  const run = await konsul(["recover", "--from", cluster.folderOf(at), "--to", to, ...flags]);
  expect([run.code, run.problems]).toEqual([0, expect.stringContaining("A cluster of one")]);
  const port = freePorts(1)[0];
  const node = await startAgent([
    `--data-dir=${to}`,
    "--raft",
    `--raft-bind-addr=127.0.0.1:${port}`,
    `--node-id=node-${at}`,
  ]);
  expect(await cluster.load.missingAt(node.url)).toEqual([]);
}

describe("the same fault on all nodes at once makes no new cluster and deletes nothing", () => {
  test("a check that takes every folder for bad: all wait, untouched, and recover brings everything back", async () => {
    const cluster = await loaded();
    await kill(cluster);
    for (const at of ALL)
      Witness.open(storePaths({ dataDir: cluster.folderOf(at) }).witness).mark("a checker that lies");
    const before = ALL.map((at) => digest(storePaths({ dataDir: cluster.folderOf(at) }).folder));
    for (const at of ALL) await cluster.start(at);
    for (const at of ALL) {
      while (!cluster.nodeAt(at).log().includes("Cannot join the cluster yet")) await Bun.sleep(20);
      const answer = await fetch(`${cluster.urls[at]}/kv/k1`);
      expect([answer.status, Object(await answer.json()).error]).toEqual([503, "untrusted_node"]);
      const ready: unknown = await (await fetch(`${cluster.urls[at]}/health/ready`)).json();
      expect(ready).toMatchObject({ reason: expect.stringContaining("a checker that lies") });
    }
    expect(await clusterIds(cluster)).toEqual([]);
    await kill(cluster);
    expect(ALL.map((at) => digest(storePaths({ dataDir: cluster.folderOf(at) }).folder))).toEqual(before);
    const refused = await konsul(["recover", "--from", cluster.folderOf(0)]);
    expect([refused.code, refused.problems]).toEqual([1, expect.stringContaining("--accept-loss")]);
    await recovered(cluster, 0, ["--accept-loss"]);
  });

  test("two damaged folders of three: the third refuses to go on alone, and recover brings everything back", async () => {
    const cluster = await loaded();
    const [id] = await clusterIds(cluster);
    await kill(cluster);
    for (const at of [0, 1]) {
      const { wal } = storePaths({ dataDir: cluster.folderOf(at) });
      const bytes = readFileSync(wal);
      bytes[200] = (bytes[200] ?? 0) ^ 1;
      writeFileSync(wal, bytes);
    }
    const before = [0, 1].map((at) => digest(storePaths({ dataDir: cluster.folderOf(at) }).folder));
    for (const at of ALL) await cluster.start(at);
    for (const at of [0, 1]) {
      while (!cluster.nodeAt(at).log().includes("Cannot join the cluster yet")) await Bun.sleep(20);
    }
    const write = await fetch(`${cluster.urls[2]}/kv/new`, { method: "PUT", body: "x" });
    expect([503, 504]).toContain(write.status);
    while ((await clusterIds(cluster)).length === 0) await Bun.sleep(20);
    expect(await clusterIds(cluster)).toEqual([id ?? ""]);
    await kill(cluster);
    expect([0, 1].map((at) => digest(storePaths({ dataDir: cluster.folderOf(at) }).folder))).toEqual(before);
    await recovered(cluster, 2, []);
  });

  test("every log removed: nobody starts a new cluster", async () => {
    const cluster = await loaded();
    await kill(cluster);
    for (const at of ALL) rmSync(storePaths({ dataDir: cluster.folderOf(at) }).folder, { recursive: true });
    for (const at of ALL) await cluster.start(at);
    for (const at of ALL) {
      while (!cluster.nodeAt(at).log().includes("Cannot join the cluster yet")) await Bun.sleep(20);
      expect(readdirSync(cluster.folderOf(at))).toContain("member.json");
    }
    expect(await clusterIds(cluster)).toEqual([]);
  });

  test.skipIf(!isRoot)("full disks: nothing is acknowledged that is not kept, and space is all they need", async () => {
    const places = ALL.map(() => smallPlace());
    const cluster = await loaded(places.map(({ path }) => path));
    const ids = await clusterIds(cluster);
    for (const { path } of places) fillUp(join(path, "ballast"));
    // Without any space left not even a vote can be kept: then nobody leads, which is as good a refusal.
    let refusal: string | undefined;
    while (refusal === undefined) {
      const answer = await fetch(`${cluster.urls[0]}/kv/big`, { method: "PUT", body: new Uint8Array(300_000).fill(1) });
      const body: { readonly error?: string } = Object(await answer.json());
      if (answer.status === 503) refusal = body.error;
      else await Bun.sleep(50);
    }
    expect(["disk_full", "no_leader"]).toContain(refusal);
    const [key] = cluster.load.acknowledged.keys();
    expect((await fetch(`${cluster.urls[1]}/kv/${key}?raw`)).status).toBe(200);
    for (const { path } of places) rmSync(join(path, "ballast"));
    await cluster.load.more(100);
    await cluster.load.stop();
    await cluster.untilWhole();
    for (const url of cluster.urls) expect(await cluster.load.missingAt(url)).toEqual([]);
    expect(await clusterIds(cluster)).toEqual(ids);
  });
});

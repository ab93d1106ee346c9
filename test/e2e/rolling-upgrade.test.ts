import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, KONSUL, launchAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";
import { buildNewer, NEWER_VERSION } from "./newer-build.ts";
import { figureOf, missingOf, startWriters } from "./steady-writers.ts";
import { startThreeNodes, type ThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const SCRIPT = join(import.meta.dir, "..", "..", "scripts", "rolling-upgrade.sh");

interface Said {
  readonly code: number;
  readonly out: string;
  readonly problems: string;
}

async function upgrade(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Said> {
  const child = Bun.spawn([SCRIPT, ...words], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, KONSUL, ...environment },
  });
  const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, problems };
}

function nodesOf({ urls }: ThreeNodes): readonly string[] {
  return urls.flatMap((url, at) => ["--node", `node-${at}=${url}`]);
}

/** What stands behind the commands of the script: it asks this test to restart a node, as the processes are ours. */
function restarting(cluster: ThreeNodes): {
  /** A command that restarts a node with this executable. */
  readonly with: (executable: string) => string;
  readonly done: readonly string[];
  readonly agents: AgentProcess[];
  readonly stop: () => void;
} {
  const folder = temporaryFolder();
  const done: string[] = [];
  const agents = [...cluster.nodes];
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      for (const at of [0, 1, 2]) {
        const asked = join(folder, `node-${at}.ask`);
        if (!existsSync(asked)) continue;
        const executable = readFileSync(asked, "utf8").trim();
        if (executable === "") continue;
        rmSync(asked);
        await agents[at]?.end("SIGTERM");
        agents[at] = await cluster.restart(at, executable);
        done.push(`node-${at}`);
        writeFileSync(join(folder, `node-${at}.done`), "");
      }
      await Bun.sleep(20);
    }
  };
  void watch();
  return {
    with: (executable) =>
      `echo ${executable} >${folder}/{id}.ask; while [ ! -e ${folder}/{id}.done ]; do sleep 0.05; done; rm ${folder}/{id}.done`,
    done,
    agents,
    stop: () => void (isOver = true),
  };
}

interface Versions {
  readonly cluster_version: number;
  readonly next_version: number | null;
  readonly members: readonly { readonly version: string; readonly cluster_versions: { readonly max: number } }[];
}

async function versionsOf(url: string): Promise<Versions> {
  const versions: Versions = Object(JSON.parse((await konsul(["cluster", "upgrade", "--json"], { url })).out));
  return versions;
}

/** Members tell the leader what they are within a second of their start. */
async function untilAllRun(url: string, understood: number): Promise<Versions> {
  for (;;) {
    const versions = await versionsOf(url);
    if (versions.members.every(({ cluster_versions: { max } }) => max === understood)) return versions;
    await Bun.sleep(50);
  }
}

/** An older release neither starts on a folder of the raised cluster, nor joins it. */
async function refusesOlderReleases(cluster: ThreeNodes, agents: readonly AgentProcess[]): Promise<void> {
  const [port] = freePorts(1);
  const joining = launchAgent([
    "--node-id=node-9",
    `--data-dir=${join(temporaryFolder(), "n9")}`,
    "--port=0",
    `--raft-bind-addr=127.0.0.1:${port}`,
    "--join-token=secret",
    `--join=127.0.0.1:${cluster.peerPorts[0]}`,
    `--join=127.0.0.1:${cluster.peerPorts[2]}`,
  ]);
  while (!joining.log().includes("it understands at most 1")) await Bun.sleep(50);
  await joining.end("SIGKILL");
  await agents[1]?.end("SIGTERM");
  const old = launchAgent(["--node-id=node-1", `--data-dir=${cluster.folderOf(1)}`, "--port=0", "--raft"]);
  expect(await old.child.exited).toBe(1);
  expect(old.log()).toContain("this cluster was raised to version 2, and this release understands 1 at most");
  expect(old.log()).toContain("start the newer release again");
}

describe("scripts/rolling-upgrade.sh", () => {
  test("under load: to a newer build, back, to the newer one again, finalize; from then on there is no way back", async () => {
    const newer = buildNewer();
    // Patient followers: that a busy machine makes them impatient is not what is tested here.
    const patient = ["--heartbeat-timeout=3s", "--election-timeout=3s", "--leader-lease-timeout=2s"];
    const cluster = await startThreeNodes(["--follower-writes=forward", ...patient]);
    const [url] = cluster.urls;
    const nodes = restarting(cluster);
    const { done } = nodes;
    const named = nodesOf(cluster);
    const up = [...named, "--upgrade-cmd", nodes.with(newer)];
    const back = [...named, "--rollback", "--rollback-cmd", nodes.with(KONSUL)];
    const stopWriters = startWriters(cluster.urls, 4);

    const dry = await upgrade([...up, "--dry-run"]);
    expect([dry.code, dry.problems, done.length]).toEqual([0, "", 0]);
    expect(dry.out).toMatch(/(node-\d) leads[^]*\1: hands its leadership over first/);
    const first = await upgrade(up);
    expect([first.code, first.problems]).toEqual([0, ""]);
    expect(done.toSorted()).toEqual(["node-0", "node-1", "node-2"]);
    expect(first.out).toContain(`${done[2]} leads`);
    expect(first.out).toContain("hands its leadership over");
    expect(await untilAllRun(url, 2)).toMatchObject({ cluster_version: 1, next_version: 2 });

    const backAgain = await upgrade(back);
    expect([backAgain.code, backAgain.problems, done.length]).toEqual([0, "", 6]);
    expect(await untilAllRun(url, 1)).toMatchObject({ cluster_version: 1, next_version: null });
    const nothing = await konsul(["cluster", "upgrade", "finalize"], { url });
    expect([nothing.code, nothing.problems]).toEqual([0, "Nothing to raise: cluster version 1\n"]);

    const second = await upgrade(up);
    expect([second.code, second.problems, done.length]).toEqual([0, "", 9]);
    await untilAllRun(url, 2);
    const shown = await konsul(["cluster", "upgrade"], { url });
    expect(shown.out).toContain("cluster version 1, can be raised to 2");
    expect(shown.out).toMatch(new RegExp(`node-0 +${NEWER_VERSION} +voter +1 to 2`));
    const finalized = await konsul(["cluster", "upgrade", "finalize"], { url });
    expect([finalized.code, finalized.problems]).toEqual([0, "Raised: cluster version 2\n"]);
    expect((await fetch(`${url}/kv/after`, { method: "PUT", body: "raised" })).status).toBe(200);

    const refused = await upgrade(back);
    expect([refused.code, done.length]).toEqual([1, 9]);
    expect(refused.problems).toContain(
      "nothing was touched: the upgrade was finalized, and the cluster is at version 2",
    );
    expect((await upgrade([...back, "--rollback-build", KONSUL])).code).toBe(1);
    const possible = await upgrade([...back, "--rollback-build", newer, "--dry-run"]);
    expect([possible.code, possible.problems]).toEqual([0, ""]);

    const report = await stopWriters();
    nodes.stop();
    process.stderr.write(figureOf(report));
    expect(report.strange).toEqual([]);
    expect(report.written.size).toBeGreaterThan(50);
    expect(await missingOf(report, url)).toEqual([]);
    await refusesOlderReleases(cluster, nodes.agents);
  }, 400_000);

  test("stops where something is wrong, goes back with that node, and says what to do", async () => {
    const cluster = await startThreeNodes();
    const nodes = restarting(cluster);
    const { done, stop } = nodes;
    const command = nodes.with(KONSUL);
    const failed = await upgrade([...nodesOf(cluster), "--upgrade-cmd", "exit 7", "--rollback-cmd", command]);
    expect(failed.code).toBe(1);
    expect(failed.problems).toContain(
      "did not take the new build (its command ended with 7) and is back on the old one",
    );
    expect(done).toHaveLength(1);
    const two = await upgrade([...nodesOf(cluster).slice(0, 4), "--upgrade-cmd", command, "--timeout", "1"]);
    expect([two.code, two.problems]).toEqual([1, expect.stringContaining("has 3 voters, and 2 nodes are named")]);
    stop();
  }, 120_000);

  test("stops at a node that was not started again, and says where the build is the one from before", async () => {
    const cluster = await startThreeNodes();
    const { with: restartWith, done, stop: endWatch } = restarting(cluster);
    const named = nodesOf(cluster);
    for (const words of [
      // The way back might put a build there that is older than what still runs.
      ["--upgrade-cmd", "true", "--rollback-cmd", restartWith(KONSUL)],
      ["--rollback", "--rollback-cmd", "true"],
    ]) {
      const idle = await upgrade([...named, ...words, "--timeout", "2"]);
      expect([idle.code, done]).toEqual([1, []]);
      expect(idle.problems).toMatch(/node-\d: its process is the one that ran before: it was not started again/);
      expect(idle.out).not.toContain("back, caught up");
    }
    const noWayBack = await upgrade([...named, "--upgrade-cmd", "exit 7", "--rollback-cmd", "true", "--timeout", "2"]);
    expect([noWayBack.code, noWayBack.problems]).toEqual([
      1,
      expect.stringContaining("after its way back its process is the one that ran before"),
    ]);

    const same = await upgrade([...named, "--upgrade-cmd", restartWith(KONSUL)]);
    expect([same.code, done.length]).toEqual([0, 3]);
    const { version, commit } = Object(JSON.parse((await konsul(["version", "--json"])).out));
    const remark = `runs the same build as before: ${version}, commit ${commit}`;
    expect(same.problems.trim().split("\n")).toEqual(done.map((id) => `rolling-upgrade: ${id}: ${remark}`));

    // As releases answer that do not say yet when they were started.
    const silent = join(temporaryFolder(), "konsul");
    writeFileSync(silent, `#!/bin/sh\n"${KONSUL}" "$@" | sed 's/"started_at"/"nothing"/'\n`, { mode: 0o755 });
    const unknown = await upgrade([...named, "--upgrade-cmd", "true"], { KONSUL: silent });
    expect([unknown.code, unknown.problems.match(/nobody knows whether it was/g)?.length]).toEqual([0, 3]);
    endWatch();
  }, 200_000);

  test("touches nothing while a node is away, and explains a wrong call", async () => {
    const cluster = await startThreeNodes();
    await cluster.followers[0].end("SIGKILL");
    const away = await upgrade([...nodesOf(cluster), "--upgrade-cmd", "exit 9", "--timeout", "1"]);
    expect([away.code, away.problems]).toEqual([1, expect.stringContaining("nothing was touched: node-")]);
    for (const [words, why] of [
      [[], "--node is missing"],
      [["--node", "x"], 'ID=URL: it is "x"'],
      [["--node", "a=http://b"], "--upgrade-cmd is missing"],
      [["--node", "a=http://b", "--rollback"], "wants a --rollback-cmd"],
      [["--nodes"], "--nodes is no option"],
      [["--timeout", "soon"], "number of seconds"],
    ] as const) {
      const wrong = await upgrade(words);
      expect([wrong.code, wrong.problems]).toEqual([2, expect.stringContaining(why)]);
    }
    expect((await upgrade(["--help"])).out).toContain("Usage: scripts/rolling-upgrade.sh");
  }, 60_000);
});

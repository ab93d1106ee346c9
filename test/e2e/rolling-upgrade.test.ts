import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, temporaryFolder } from "./agent-process.ts";
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

/** A command that asks this test to restart a node and waits until it did: the processes are ours. */
function restarting(
  cluster: ThreeNodes,
  flags = "",
): { readonly command: string; readonly done: readonly string[]; readonly stop: () => void } {
  const folder = temporaryFolder();
  const done: string[] = [];
  const agents = [...cluster.nodes];
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      for (const at of [0, 1, 2]) {
        const asked = join(folder, `node-${at}.ask`);
        if (!existsSync(asked)) continue;
        rmSync(asked);
        await agents[at]?.end("SIGTERM");
        const agent = await cluster.restart(at);
        agents[at] = agent;
        done.push(`node-${at}`);
        writeFileSync(join(folder, `node-${at}.done`), "");
      }
      await Bun.sleep(20);
    }
  };
  void watch();
  const command = `touch ${folder}/{id}.ask; while [ ! -e ${folder}/{id}.done ]; do sleep 0.05; done; rm ${folder}/{id}.done${flags}`;
  return { command, done, stop: () => void (isOver = true) };
}

describe("scripts/rolling-upgrade.sh", () => {
  test("takes one node after another, the leader last, while clients write", async () => {
    const cluster = await startThreeNodes(["--follower-writes=forward"]);
    const { command, done, stop } = restarting(cluster);
    const leaderId = `node-${cluster.nodes.indexOf(cluster.leader)}`;
    const written: string[] = [];
    const strange: string[] = [];
    let isOver = false;
    const client = async (number: number): Promise<void> => {
      for (let count = 0; !isOver; count += 1) {
        const key = `c${number}/${count}`;
        const url = cluster.urls[(number + count) % 3];
        const answer = await fetch(`${url}/kv/${key}`, { method: "PUT", body: key }).catch(() => undefined);
        if (answer?.status === 200) written.push(key);
        else if (answer !== undefined && answer.status !== 503 && answer.status !== 504)
          strange.push(await answer.text());
        await Bun.sleep(5);
      }
    };
    const clients = [0, 1, 2, 3].map(client);
    const dry = await upgrade([...nodesOf(cluster), "--upgrade-cmd", command, "--dry-run"]);
    expect([dry.code, done.length]).toEqual([0, 0]);
    expect(dry.out).toContain(`${leaderId}: hands its leadership over first`);
    const said = await upgrade([...nodesOf(cluster), "--upgrade-cmd", command]);
    expect([said.code, said.problems]).toEqual([0, ""]);
    expect(done.toSorted()).toEqual(["node-0", "node-1", "node-2"]);
    expect(done[2]).toBe(leaderId);
    expect(said.out).toContain(`${leaderId}: hands its leadership over`);
    isOver = true;
    await Promise.all(clients);
    expect(strange).toEqual([]);
    expect(written.length).toBeGreaterThan(50);
    for (const key of written) {
      expect(await (await fetch(`${cluster.urls[0]}/kv/${key}?raw&consistent`)).text()).toBe(key);
    }
    const back = await upgrade([
      ...nodesOf(cluster),
      "--upgrade-cmd",
      "false",
      "--rollback-cmd",
      command,
      "--rollback",
    ]);
    expect([back.code, done.length]).toEqual([0, 6]);
    stop();
  }, 120_000);

  test("stops where something is wrong, goes back with that node, and says what to do", async () => {
    const cluster = await startThreeNodes();
    const { command, done, stop } = restarting(cluster);
    const failed = await upgrade([...nodesOf(cluster), "--upgrade-cmd", "exit 7", "--rollback-cmd", command]);
    expect(failed.code).toBe(1);
    expect(failed.problems).toContain(
      "did not take the new build (its command ended with 7) and is back on the old one",
    );
    expect(done).toHaveLength(1);
    const two = await upgrade([...nodesOf(cluster).slice(0, 4), "--upgrade-cmd", command]);
    expect([two.code, two.problems]).toEqual([1, expect.stringContaining("has 3 voters, and 2 nodes are named")]);
    stop();
  }, 120_000);

  test("touches nothing while a node is away, and explains a wrong call", async () => {
    const cluster = await startThreeNodes();
    await cluster.followers[0].end("SIGKILL");
    const away = await upgrade([...nodesOf(cluster), "--upgrade-cmd", "exit 9"]);
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

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, launchAgent, startAgent, type AgentProcess } from "./agent-process.ts";
import { put, site, statusOf, threeOf, untilPut, untilVoters, type Site } from "./site.ts";

afterEach(cleanUp);

/** A leader and its followers, by number. */
async function rolesIn(one: Site): Promise<readonly [number, number, number]> {
  const leader = Number((await statusOf(one.urls[0] ?? "")).leader?.id.split("-")[1]);
  return [leader, (leader + 1) % 3, (leader + 2) % 3];
}

async function said(agent: Pick<AgentProcess, "log">, words: RegExp): Promise<void> {
  while (!words.test(agent.log())) await Bun.sleep(20);
}

test("a member that is told nothing of peers does not run as if it were alone", async () => {
  const one = site(3);
  const nodes = await threeOf(one);
  await nodes[2]?.end("SIGTERM");
  const deaf = launchAgent(one.flags(2).filter((flag) => !flag.startsWith("--raft-bind-addr")));
  expect(await deaf.child.exited).toBe(1);
  expect(deaf.log()).toContain("member of a cluster of 3");
}, 60_000);

describe("one identity", () => {
  test("started a second time with an empty folder is not let in while the first one lives", async () => {
    const one = site(4);
    await threeOf(one);
    const again = launchAgent([
      ...one.flags(3, `--join=127.0.0.1:${one.peer[0]}`).filter((flag) => !flag.startsWith("--node-id")),
      "--node-id=node-2",
    ]);
    await said(again, /Cannot join the cluster yet \(in-use: .*node-2/);
    await untilPut(one.urls[0], "a");
    const [status] = await untilVoters(one.urls.slice(0, 3), 3);
    expect(status?.nodes?.map(({ id }) => id).toSorted()).toEqual(["node-0", "node-1", "node-2"]);
  }, 120_000);

  test("in a copied folder: neither of the two counts until one is gone", async () => {
    const one = site(4);
    const nodes = await threeOf(one);
    const [leader, follower, twin] = await rolesIn(one);
    await nodes[twin]?.end("SIGTERM");
    cpSync(join(one.folder, `n${twin}`), join(one.folder, "n3"), { recursive: true });
    const second = startAgent(
      one.flags(3, "--raft").map((flag) => (flag.startsWith("--node-id") ? `--node-id=node-${twin}` : flag)),
      {},
      { isReadyAwaited: false },
    );
    await startAgent(one.flags(twin, "--raft"), {}, { isReadyAwaited: false });
    const leading = nodes[leader];
    if (leading === undefined) throw new Error("there is a leader");
    await said(leading, /Two live processes claim to be one member/);
    // Two of three are left that count.
    await untilPut(one.urls[leader], "with-two");
    await nodes[follower]?.end("SIGKILL");
    expect(await put(one.urls[leader], "with-one")).not.toBe(200);
    await (await second).end("SIGKILL");
    // Perhaps the copy promised more than the original knows: then that one starts anew from the others.
    await startAgent(one.flags(follower, "--raft"), {}, { isReadyAwaited: false });
    await untilVoters(one.urls.slice(0, 3), 3);
    await untilPut(one.urls[leader], "with-two-again");
    for (const key of ["with-two", "with-two-again"]) {
      const read = async (): Promise<Response> => fetch(`${one.urls[twin]}/kv/${key}?raw&consistent`);
      let answer = await read();
      for (; !answer.ok; answer = await read()) await Bun.sleep(20);
      expect(await answer.text()).toBe(key);
    }
  }, 120_000);

  test("that was lost with its disk: a new one at the old address takes its place", async () => {
    const one = site(3);
    const nodes = await threeOf(one);
    await untilPut(one.urls[0], "a");
    await nodes[2]?.end("SIGKILL");
    rmSync(join(one.folder, "n2"), { recursive: true });
    const flags = one.flags(2, `--join=127.0.0.1:${one.peer[0]}`).filter((flag) => !flag.startsWith("--node-id"));
    // Without an id of its own in the settings a node makes one up, and keeps it in its folder.
    launchAgent(flags);
    for (;;) {
      const { nodes: seen = [] } = await statusOf(one.urls[0] ?? "");
      if (!seen.some(({ id }) => id === "node-2") && seen.filter(({ voter }) => voter).length === 3) break;
      await Bun.sleep(20);
    }
    expect(await (await fetch(`${one.urls[2]}/kv/a?raw&consistent`)).text()).toBe("a");
  }, 120_000);
});

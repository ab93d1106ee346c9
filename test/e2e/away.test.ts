import { afterEach, expect, test } from "bun:test";
import { cleanUp } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const KEYS = 200;

interface Stats {
  readonly applied_index: number;
  readonly first_log_index: number;
  readonly last_snapshot_index: number;
}

async function statsOf(url: string): Promise<Stats> {
  const status: { readonly stats: Stats } = Object(await (await fetch(`${url}/cluster/status`)).json());
  return status.stats;
}

test("a node that was away for longer than the log reaches back gets a snapshot, under load, and has everything", async () => {
  const { nodes, leader, urls, restart } = await startThreeNodes(["--snapshot-threshold=50", "--trailing-logs=20"]);
  const away = nodes.findIndex((node) => node !== leader);
  const last = (await statsOf(urls[away] ?? "")).applied_index;
  await nodes[away]?.end("SIGKILL");
  let [stored, isOver] = [0, false];
  const writer = async (): Promise<void> => {
    while (!isOver) {
      const key = `k${stored}`;
      const answer = await fetch(`${leader.url}/kv/${key}`, { method: "PUT", body: key }).catch(() => undefined);
      if (answer?.status === 200) stored += 1;
    }
  };
  const writing = writer();
  while (stored < KEYS) await Bun.sleep(10);
  while ((await statsOf(leader.url)).first_log_index <= last + 1) {
    const taken = await fetch(`${leader.url}/cluster/snapshot`, { method: "POST" });
    expect(taken.status).toBe(200);
  }
  await restart(away);
  while ((await statsOf(urls[away] ?? "")).last_snapshot_index <= last) await Bun.sleep(20);
  const before = stored;
  while (stored < before + 50) await Bun.sleep(10);
  isOver = true;
  await writing;
  for (let number = 0; number < stored; number += 1) {
    const key = `k${number}`;
    expect(await (await fetch(`${urls[away]}/kv/${key}?raw&consistent`)).text()).toBe(key);
  }
}, 120_000);

import { Database } from "bun:sqlite";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

/** Three times: writes, then a snapshot of the node at `at`. */
async function writeAndSnapshot(leader: string, at: string): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (let key = 0; key < 50; key += 1) {
      await fetch(`${leader}/kv/k${key}`, { method: "PUT", body: `round ${round} ${crypto.randomUUID()}` });
    }
    await fetch(`${leader}/kv/round`, { method: "PUT", body: String(round) });
    while ((await (await fetch(`${at}/kv/round?raw`)).text()) !== String(round)) await Bun.sleep(20);
    expect((await fetch(`${at}/cluster/snapshot?local`, { method: "POST" })).status).toBe(200);
  }
  await fetch(`${leader}/kv/last`, { method: "PUT", body: "after the last snapshot" });
}

/** A stopped node's folder with two complete snapshots, and a log that reaches back to the older one. */
async function folderWithTwoSnapshots(): Promise<string> {
  const folder = temporaryFolder();
  const agent = await startAgent(["--data-dir", folder, "--trailing-logs", "0"]);
  await writeAndSnapshot(agent.url, agent.url);
  await agent.end("SIGTERM");
  return folder;
}

/** Flips a byte in the middle of every stored piece of the newest `count` snapshots. */
function damage(folder: string, count: number): void {
  const db = new Database(join(folder, "raft", "snapshots.db"));
  const tables = db
    .query<{ name: string; sql: string }, []>("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    .all();
  const pieces = tables.find(({ sql }) => /BLOB/.test(sql) && /PRIMARY KEY \(/.test(sql)) ?? tables.at(-1);
  if (pieces === undefined) throw new Error("there is no table of pieces");
  const columns = db.query<{ name: string; type: string }, []>(`PRAGMA table_info(${pieces.name})`).all();
  const blob = columns.find(({ type }) => type === "BLOB")?.name ?? "";
  const [owner = ""] = columns.map(({ name }) => name);
  const ids = db
    .query<{ id: string | number }, []>(`SELECT DISTINCT ${owner} AS id FROM ${pieces.name} ORDER BY rowid`)
    .all();
  expect(ids.length).toBe(2);
  for (const { id } of ids.slice(-count)) {
    const rows = db
      .query<{ rowid: number; bytes: Uint8Array }, [string | number]>(
        `SELECT rowid, ${blob} AS bytes FROM ${pieces.name} WHERE ${owner} = ?`,
      )
      .all(id);
    for (const { rowid, bytes } of rows) {
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      db.run(`UPDATE ${pieces.name} SET ${blob} = ? WHERE rowid = ?`, [bytes, rowid]);
    }
  }
  db.close();
}

test("a damaged newest snapshot falls back to the one before, loudly, and nothing is lost", async () => {
  const folder = await folderWithTwoSnapshots();
  damage(folder, 1);
  const agent = await startAgent(["--data-dir", folder]);
  expect(agent.log()).toContain("Trying the one before");
  expect(await (await fetch(`${agent.url}/kv/round?raw`)).text()).toBe("2");
  expect(await (await fetch(`${agent.url}/kv/last?raw`)).text()).toBe("after the last snapshot");
  expect(await (await fetch(`${agent.url}/kv/k49?raw`)).text()).toStartWith("round 2");
});

test("with no whole snapshot a cluster of one refuses to start and says what to do", async () => {
  const folder = await folderWithTwoSnapshots();
  damage(folder, 2);
  const { code, problems } = await konsul(["agent", "--port", "0", "--data-dir", folder]);
  expect([code, problems]).toEqual([1, expect.stringContaining("restore a backup")]);
});

test("with no whole snapshot a member of a cluster starts anew, and has everything from the others again", async () => {
  const { nodes, leader, followers, restart, folderOf } = await startThreeNodes(["--trailing-logs", "0"]);
  const [follower] = followers;
  const at = nodes.indexOf(follower);
  await writeAndSnapshot(leader.url, follower.url);
  await follower.end("SIGTERM");
  damage(folderOf(at), 2);
  const again = await restart(at);
  expect(again.log()).toContain("it starts anew from the other members");
  expect(again.log()).toContain("no snapshot is whole");
  expect(readdirSync(folderOf(at)).some((name) => name.startsWith("raft.untrusted-"))).toBe(true);
  while ((await (await fetch(`${again.url}/kv/last?raw`)).text()) !== "after the last snapshot") {
    await Bun.sleep(20);
  }
  expect(await (await fetch(`${again.url}/kv/k49?raw`)).text()).toStartWith("round 2");
  const voters = async (): Promise<unknown> => {
    const status: { readonly voters?: unknown } = Object(await (await fetch(`${leader.url}/cluster/status`)).json());
    return status.voters;
  };
  while ((await voters()) !== 3) await Bun.sleep(20);
});

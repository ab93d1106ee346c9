import { Database } from "bun:sqlite";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder } from "./agent-process.ts";

afterEach(cleanUp);

/** A stopped node's folder with two complete snapshots, and a log that reaches back to the older one. */
async function folderWithTwoSnapshots(): Promise<string> {
  const folder = temporaryFolder();
  const agent = await startAgent(["--data-dir", folder, "--trailing-logs", "0"]);
  for (let at = 0; at < 3; at += 1) {
    for (let key = 0; key < 50; key += 1) {
      await fetch(`${agent.url}/kv/k${key}`, { method: "PUT", body: `round ${at} ${crypto.randomUUID()}` });
    }
    await fetch(`${agent.url}/kv/round`, { method: "PUT", body: String(at) });
    expect((await fetch(`${agent.url}/cluster/snapshot`, { method: "POST" })).status).toBe(200);
  }
  await fetch(`${agent.url}/kv/last`, { method: "PUT", body: "after the last snapshot" });
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
  expect([code, problems]).toEqual([1, expect.stringContaining("Restore a backup")]);
});

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, konsul, startAgent, temporaryFolder } from "./agent-process.ts";

afterEach(cleanUp);

const COPIED_BYTES = 32 * 1024 * 1024;

/** A stopped agent's folder that takes a moment to copy. */
async function stoppedFolder(parent: string): Promise<string> {
  const folder = join(parent, "data");
  mkdirSync(folder);
  const node = await startAgent([`--data-dir=${folder}`]);
  await fetch(`${node.url}/kv/k`, { method: "PUT", body: "v" });
  expect(await node.end("SIGTERM")).toBe(0);
  writeFileSync(join(folder, "raft", "ballast"), Buffer.alloc(COPIED_BYTES, 1));
  return folder;
}

/** Sends the signal as soon as something besides `before` is in the folder. The exit code. */
async function interrupted(words: readonly string[], signal: "SIGINT" | "SIGTERM", folder: string): Promise<number> {
  const before = readdirSync(folder).length;
  const child = Bun.spawn([KONSUL, ...words], { stdio: ["ignore", "ignore", "ignore"] });
  while (child.exitCode === null && readdirSync(folder).length === before) await Bun.sleep(0);
  child.kill(signal);
  await child.exited;
  return child.exitCode ?? NaN;
}

describe("a command that is interrupted leaves nothing behind", () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`konsul debug log, by ${signal}`, async () => {
      const parent = temporaryFolder();
      const folder = await stoppedFolder(parent);
      // It may have been done by the time the signal came.
      while ((await interrupted(["debug", "log", folder], signal, parent)) !== code)
        expect(readdirSync(parent)).toEqual(["data"]);
      expect(readdirSync(parent)).toEqual(["data"]);
    });

    test(`konsul recover, by ${signal}`, async () => {
      const parent = temporaryFolder();
      const folder = await stoppedFolder(parent);
      while ((await interrupted(["recover", "--from", folder], signal, parent)) !== code) {
        expect(readdirSync(parent).toSorted()).toEqual(["data", "data.recovered"]);
        Bun.spawnSync(["rm", "-r", `${folder}.recovered`]);
      }
      expect(readdirSync(parent)).toEqual(["data"]);
    });
  }

  test("konsul snapshot save", async () => {
    const node = await startAgent([`--data-dir=${temporaryFolder()}`]);
    for (let at = 0; at < 64; at += 1)
      await fetch(`${node.url}/kv/${at}`, { method: "PUT", body: crypto.getRandomValues(new Uint8Array(65_536)) });
    const folder = temporaryFolder();
    const words = ["snapshot", "save", join(folder, "backup"), "--http-addr", node.url];
    while ((await interrupted(words, "SIGINT", folder)) !== 130) {
      expect(readdirSync(folder)).toEqual(["backup"]);
      Bun.spawnSync(["rm", join(folder, "backup")]);
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

test("of several backups that are saved to one file at the same time one is there, whole, and the others say so", async () => {
  const node = await startAgent([`--data-dir=${temporaryFolder()}`]);
  for (let at = 0; at < 64; at += 1)
    await fetch(`${node.url}/kv/${at}`, { method: "PUT", body: crypto.getRandomValues(new Uint8Array(16_384)) });
  const folder = temporaryFolder();
  const file = join(folder, "backup");
  const saved = await Promise.all([1, 2, 3, 4].map(async () => konsul(["snapshot", "save", file], { url: node.url })));
  expect(saved.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 1, 1, 1]);
  for (const { code, problems } of saved) expect(code === 0 || /exists .*name another file/.test(problems)).toBe(true);
  expect(readdirSync(folder)).toEqual(["backup"]);
  const inspected = await konsul(["snapshot", "inspect", file, "--json"]);
  expect(JSON.parse(inspected.out)).toMatchObject({ keys: 64 });
});

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import { createPrng } from "../../src/base/index.ts";
import { cleanUp, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";

const KILLS = process.env["KONSUL_LONG"] === "1" ? 300 : 50;
const CLIENTS = 16;
const FILES_MAX = 3000;
const root = join(import.meta.dir, "..", "..");

/** Real files: path as key, bytes as value. */
function realFiles(): { readonly key: string; readonly value: Uint8Array }[] {
  const files: { readonly key: string; readonly value: Uint8Array }[] = [];
  for (const path of new Bun.Glob("node_modules/**/*").scanSync({ cwd: root, onlyFiles: true })) {
    if (files.length >= FILES_MAX) break;
    if (path.length > 1000 || statSync(join(root, path)).size > 512 * 1024) continue;
    files.push({ key: path, value: readFileSync(join(root, path)) });
  }
  return files;
}

interface Book {
  /** What a key must hold: the last acknowledged value, unless a later one may have happened. */
  readonly acknowledged: Map<string, Uint8Array>;
  /** Values whose outcome is unknown, since the last acknowledged one. */
  readonly unknown: Map<string, Uint8Array[]>;
}

async function put(agent: AgentProcess, book: Book, key: string, value: Uint8Array): Promise<boolean> {
  book.unknown.set(key, [...(book.unknown.get(key) ?? []), value]);
  const answer = await fetch(`${agent.url}/kv?key=${encodeURIComponent(key)}`, { method: "PUT", body: value }).catch(
    () => undefined,
  );
  if (answer?.status !== 200) return false;
  book.acknowledged.set(key, value);
  book.unknown.delete(key);
  return true;
}

async function check(agent: AgentProcess, book: Book): Promise<number> {
  const keys = [...new Set([...book.acknowledged.keys(), ...book.unknown.keys()])];
  let at = 0;
  const reader = async (): Promise<void> => {
    for (let key = keys[at++]; key !== undefined; key = keys[at++]) {
      const answer = await fetch(`${agent.url}/kv?raw&key=${encodeURIComponent(key)}`);
      const found = answer.status === 200 ? new Uint8Array(await answer.arrayBuffer()) : undefined;
      const allowed = [book.acknowledged.get(key), ...(book.unknown.get(key) ?? [])];
      const isAllowed = allowed.some((value) =>
        value === undefined || found === undefined ? value === found : Buffer.compare(value, found) === 0,
      );
      if (!isAllowed)
        throw new Error(`after the kill ${key} holds ${found?.length ?? "nothing"}, which was not its last value`);
      // What was found is now known.
      if (found !== undefined) book.acknowledged.set(key, found);
      book.unknown.delete(key);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, reader));
  return keys.length;
}

afterAll(cleanUp);

test(`every acknowledged key is found with its exact bytes after ${KILLS} kills while writing`, async () => {
  const seed = Number(process.env["KONSUL_SEED"] ?? Date.now() % 1_000_000);
  console.log(`note: KONSUL_SEED=${seed}`);
  const prng = createPrng(seed);
  const files = realFiles();
  expect(files.length).toBeGreaterThan(1000);
  const folder = temporaryFolder();
  const flags = [
    "--data-dir",
    folder,
    "--snapshot-interval",
    "30ms",
    "--snapshot-threshold",
    "60",
    "--trailing-logs",
    "30",
  ];
  const book: Book = { acknowledged: new Map(), unknown: new Map() };
  let acknowledged = 0;
  let checked = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const agent = await startAgent(flags);
    checked += await check(agent, book);
    const used = new Set<string>();
    let isKilled = false;
    const writer = async (): Promise<void> => {
      while (!isKilled) {
        const { key, value } = prng.pick(files);
        if (used.has(key)) continue;
        used.add(key);
        // Every other time with a suffix, so that an older value can be told from a newer one.
        const written = prng.chance(0.5) ? value : new Uint8Array([...value.subarray(0, 1000), kill & 255]);
        if (await put(agent, book, key, written)) acknowledged += 1;
        used.delete(key);
      }
    };
    const writers = Array.from({ length: CLIENTS }, writer);
    await Bun.sleep(prng.between(20, 250));
    await agent.end("SIGKILL");
    isKilled = true;
    await Promise.all(writers);
  }
  const last = await startAgent(flags);
  checked += await check(last, book);
  await last.end("SIGTERM");
  console.log(
    `figure: ${KILLS} kills, ${acknowledged} acknowledged writes, ${checked} keys checked, ${book.acknowledged.size} keys in the end`,
  );
  expect(acknowledged).toBeGreaterThan(KILLS * 10);
}, 600_000);

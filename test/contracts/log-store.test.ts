import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import type { LogStore } from "../../src/node/index.ts";
import { lastRecovered } from "../../src/raft/index.ts";
import { createMemoryLogStore, openLogStore } from "../../src/storage/index.ts";
import { bootstrap, close, entriesAfter, persist, read, runLogStoreContract } from "./log-store.ts";

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function openSqlite(dataDir: string, tail: { readonly tailBytesMax?: number } = {}): Promise<LogStore> {
  const opened = await openLogStore({ dataDir, boot: "00000000000000b0", ...tail });
  if (opened.kind !== "opened") throw new Error(opened.message);
  return opened.store;
}

describe("LogStore", () => {
  runLogStoreContract("sqlite", () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-log-"));
    folders.push(folder);
    return { open: async () => openSqlite(folder), isDurable: true };
  });
  runLogStoreContract("memory", () => ({
    open: async () => Promise.resolve(createMemoryLogStore()),
    isDurable: false,
  }));

  test("sqlite: of a large log only the newest entries are handed over at the opening, and the rest can be read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-log-"));
    folders.push(folder);
    const before = await openSqlite(folder);
    const [first] = await bootstrap(before);
    if (first === undefined) throw new Error("a log begins with an entry");
    const appended = entriesAfter(first, 500, 3);
    await persist(before, [{ ticket: 1, append: appended, hard: { term: 3, vote: undefined } }]);
    await close(before);
    const store = await openSqlite(folder, { tailBytesMax: 1000 });
    const { early, entries } = store.initial;
    expect(entries).toEqual(appended.slice(500 - entries.length));
    expect([lastRecovered(store.initial), entries.length < 50]).toEqual([501, true]);
    const all = [first, ...appended];
    const missing = all.slice(0, 501 - entries.length);
    expect(Array.from(early?.terms ?? [])).toEqual(missing.map(({ term }) => term));
    expect(Array.from(early?.chains ?? [])).toEqual(missing.map(({ chain }) => chain));
    expect(Array.from(early?.times ?? [])).toEqual(missing.map(({ time }) => time));
    expect(early?.own).toEqual(missing.filter(({ kind }) => kind === "membership"));
    expect(await read(store, 1, 502)).toEqual(all);
    await close(store);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "bun:test";
import type { LogStore } from "../../src/node/index.ts";
import { createMemoryLogStore, openLogStore } from "../../src/storage/index.ts";
import { runLogStoreContract } from "./log-store.ts";

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function openSqlite(dataDir: string): Promise<LogStore> {
  const opened = await openLogStore({ dataDir, boot: "00000000000000b0" });
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
});

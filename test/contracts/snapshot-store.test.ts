import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "bun:test";
import type { SnapshotStore } from "../../src/node/index.ts";
import { createMemorySnapshotStore, openSnapshotStore } from "../../src/storage/index.ts";
import { runSnapshotLoadingContract, testThrowingPart } from "./snapshot-loading.ts";
import { runSnapshotStoreContract, type SnapshotStoreFactory } from "./snapshot-store.ts";

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function openSqlite(dataDir: string): Promise<SnapshotStore> {
  const opened = await openSnapshotStore({ dataDir });
  if (opened.kind !== "opened") throw new Error(opened.message);
  return opened.store;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "konsul-snapshots-"));
  folders.push(folder);
  return folder;
}

function sqlite(): SnapshotStoreFactory {
  const folder = temporaryFolder();
  return { open: async () => openSqlite(folder), isDurable: true };
}

function memory(): SnapshotStoreFactory {
  return { open: async () => Promise.resolve(createMemorySnapshotStore()), isDurable: false };
}

describe("SnapshotStore", () => {
  runSnapshotStoreContract("sqlite", sqlite);
  runSnapshotStoreContract("memory", memory);
  runSnapshotLoadingContract("sqlite", sqlite);
  runSnapshotLoadingContract("memory", memory);
  testThrowingPart("sqlite", temporaryFolder);
  testThrowingPart("memory", () => "");
});

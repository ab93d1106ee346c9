// Loads a snapshot and throws at its 15th part. Prints what came of it. Argument: the data folder; empty for memory.
import { createMemorySnapshotStore, openSnapshotStore } from "../../src/storage/index.ts";
import type { SnapshotStore } from "../../src/node/index.ts";
import { manyParts } from "./snapshot-loading.ts";
import { closeSnapshots, takeSnapshot } from "./snapshot-store.ts";

async function open(folder: string): Promise<SnapshotStore> {
  if (folder === "") return createMemorySnapshotStore();
  const opened = await openSnapshotStore({ dataDir: folder });
  if (opened.kind !== "opened") throw new Error(opened.message);
  return opened.store;
}

const thrown: string[] = [];
let onThrown = (): void => undefined;
process.on("uncaughtException", (cause) => {
  thrown.push(String(cause));
  onThrown();
});

const store = await open(process.argv[2] ?? "");
const { id } = await takeSnapshot(store, 5, manyParts());
let parts = 0;
let ends = 0;
await new Promise<void>((resolve) => {
  onThrown = resolve;
  store.load(
    id,
    () => {
      parts += 1;
      if (parts >= 15) throw new Error("this part is refused");
    },
    () => {
      ends += 1;
    },
  );
});
// Requests are answered in order: whatever was asked for ahead has been answered by then.
for (const index of [6, 7]) await takeSnapshot(store, index, [new Uint8Array(1)]);
process.stdout.write(JSON.stringify({ parts, ends, thrown, indexes: store.list().map(({ index }) => index) }));
await closeSnapshots(store);

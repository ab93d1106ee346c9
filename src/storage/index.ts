export { createMemoryLogStore, createMemorySnapshotStore } from "./memory-stores.ts";
export { openLogStore, type LogStoreOptions } from "./sqlite-log-store.ts";
export { openSnapshotStore, type SnapshotStoreOptions } from "./sqlite-snapshot-store.ts";
export type { OpenFailure } from "./worker-messages.ts";

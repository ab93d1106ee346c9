export { EnvironmentFailure } from "./failures.ts";
export { storePaths, type StorePaths } from "./files.ts";
export { openLogStore, type LogStoreOpened, type LogStoreOptions } from "./log-store.ts";
export { readMembershipRecord, type MembershipRecord } from "./member-record.ts";
export { createMemoryLogStore, createMemorySnapshotStore } from "./memory-stores.ts";
export { UNTRUSTED_ADVICE, type OpenFailure } from "./open-failure.ts";

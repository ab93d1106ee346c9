import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { LogStore, PersistReceipt, StorageFailure } from "../../src/node/index.ts";
import { crc32, type Result } from "../../src/base/index.ts";
import type { Persist } from "../../src/raft/index.ts";
import { openLogStore, openStores, quarantine, readMembershipRecord, storePaths } from "../../src/storage/index.ts";
import { Witness } from "../../src/storage/witness.ts";
import { BOOT, bootstrapModel, IDENTITY, nextStep } from "./log-model.ts";

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "konsul-exclusive-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(onUntrusted?: (failure: StorageFailure) => void): Promise<LogStore> {
  const opened = await openLogStore({ dataDir, boot: BOOT, ...(onUntrusted === undefined ? {} : { onUntrusted }) });
  if (opened.kind !== "opened") throw new Error(opened.message);
  return opened.store;
}

async function persist(
  store: LogStore,
  operations: readonly Persist[],
): Promise<Result<PersistReceipt, StorageFailure>> {
  return new Promise((resolve) => store.persist(operations, 0, resolve));
}

async function bootstrap(store: LogStore): Promise<void> {
  const result = await new Promise<Result<PersistReceipt, StorageFailure>>((resolve) => {
    store.bootstrap(IDENTITY, bootstrapModel(), resolve);
  });
  expect(result.ok).toBe(true);
}

async function close(store: Pick<LogStore, "close">): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

test("a second process is refused while the first lives, with the folder's name, and not after it was killed", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "hold-child.ts"), dataDir], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("opened\n");
  const second = await openLogStore({ dataDir, boot: BOOT });
  expect(second.kind).toBe("locked");
  expect(second.kind === "locked" && second.message.includes(dataDir)).toBe(true);
  child.kill("SIGKILL");
  await child.exited;
  await close(await open());
});

test("a folder that is removed under a running store is noticed, and nothing is accepted any more", async () => {
  const alarm = Promise.withResolvers<StorageFailure>();
  const store = await open(alarm.resolve);
  await bootstrap(store);
  rmSync(storePaths({ dataDir }).folder, { recursive: true });
  const failure = await alarm.promise;
  expect(failure.kind).toBe("untrusted");
  const after = await persist(store, [{ ticket: 1, hard: { term: 2, vote: undefined } }]);
  expect(after.ok).toBe(false);
  await close(store);
});

test("a witness that is replaced under a running store is noticed and marked", async () => {
  const alarm = Promise.withResolvers<StorageFailure>();
  const store = await open(alarm.resolve);
  await bootstrap(store);
  const { witness } = storePaths({ dataDir });
  const bytes = readFileSync(witness);
  rmSync(witness);
  writeFileSync(witness, bytes);
  expect((await alarm.promise).message).toContain(witness);
  await close(store);
});

test("an end of the disk's thread is a failure of the disk", async () => {
  const alarm = Promise.withResolvers<StorageFailure>();
  const store = await open(alarm.resolve);
  await bootstrap(store);
  // A gap in the log breaks a promise of the program: the thread dies of it.
  const { after } = nextStep(bootstrapModel(), 1, 1);
  const entry = { index: 99, term: 9, kind: "noop", time: 0, data: new Uint8Array(0), chain: after.seq } as const;
  const result = await persist(store, [{ ticket: 1, append: [entry] }]);
  expect(result.ok ? "ok" : result.error.kind).toBe("untrusted");
  expect((await alarm.promise).kind).toBe("untrusted");
  const later = await persist(store, [{ ticket: 2, hard: { term: 9, vote: undefined } }]);
  expect(later.ok).toBe(false);
});

test("below the reserve entries are refused as full, and what makes room or is tiny passes", async () => {
  const opened = await openLogStore({ dataDir, boot: BOOT, reserveBytes: Number.MAX_SAFE_INTEGER });
  if (opened.kind !== "opened") throw new Error(opened.message);
  const { store } = opened;
  const first = bootstrapModel();
  const refused = await persist(store, [{ ticket: 1, append: first.entries }]);
  expect(refused.ok ? "ok" : refused.error.kind).toBe("full");
  const vote = await persist(store, [{ ticket: 2, hard: { term: 5, vote: "a~1" } }]);
  expect(vote.ok).toBe(true);
  await close(store);
});

test("a marked folder is refused with its reason, and quarantine renames it and keeps what cluster it was of", async () => {
  const store = await open();
  await bootstrap(store);
  await close(store);
  const paths = storePaths({ dataDir });
  Witness.open(paths.witness).mark("the disk lied");
  const before = readFileSync(paths.database);
  const opened = await openStores({ dataDir, boot: BOOT });
  expect(opened.kind).toBe("untrusted");
  expect(opened.kind === "untrusted" && opened.message.includes("the disk lied")).toBe(true);
  const aside = quarantine({ dataDir }, 0);
  expect(aside).toBe(`${paths.folder}.untrusted-19700101T000000Z`);
  expect(readFileSync(join(aside ?? "", "raft.db")).equals(before)).toBe(true);
  expect(readMembershipRecord(paths)).toEqual({ clusterId: IDENTITY.clusterId, nodeId: IDENTITY.nodeId });
  const fresh = await openStores({ dataDir, boot: BOOT });
  if (fresh.kind !== "opened") throw new Error(fresh.message);
  expect(fresh.log.initial.identity).toBeUndefined();
  expect(fresh.formerMember).toEqual({ clusterId: IDENTITY.clusterId, nodeId: IDENTITY.nodeId });
  await close(fresh.log);
  await close(fresh.snapshots);
});

test("an operator may accept a missing witness, and nobody else", async () => {
  const store = await open();
  await bootstrap(store);
  await close(store);
  const paths = storePaths({ dataDir });
  renameSync(paths.witness, `${paths.witness}.old`);
  const names = readdirSync(paths.folder).toSorted();
  expect((await openLogStore({ dataDir, boot: BOOT })).kind).toBe("untrusted");
  expect(readdirSync(paths.folder).toSorted()).toEqual(names);
  const accepted = await openLogStore({ dataDir, boot: BOOT, acceptLoss: true });
  if (accepted.kind !== "opened") throw new Error(accepted.message);
  expect(accepted.notes).toHaveLength(1);
  expect(accepted.store.initial.seq).toBe(1);
  await close(accepted.store);
  await close(await open());
});

test("files of a newer format are refused with a clear message", async () => {
  await close(await open());
  const paths = storePaths({ dataDir });
  const { Database } = await import("bun:sqlite");
  const database = new Database(paths.database);
  database.run("PRAGMA user_version = 99");
  const [row] = database.query<{ record: Uint8Array }, []>("SELECT record FROM head").all();
  const record = Uint8Array.from(row?.record ?? []);
  // Magic, format, fields, checksum.
  record[4] = 99;
  const end = record.length - 4;
  new DataView(record.buffer).setUint32(end, crc32(record.subarray(0, end)), true);
  database.run("UPDATE head SET record = ?", [record]);
  database.close();
  const opened = await openLogStore({ dataDir, boot: BOOT });
  expect(opened.kind).toBe("newer-format");
});

test("after a failure a closed store lets go of the data folder, and a fresh folder can be opened in its place", async () => {
  const alarm = Promise.withResolvers<StorageFailure>();
  const store = await open(alarm.resolve);
  await bootstrap(store);
  const { witness } = storePaths({ dataDir });
  rmSync(witness);
  await alarm.promise;
  expect((await openLogStore({ dataDir, boot: BOOT })).kind).toBe("locked");
  await close(store);
  expect(quarantine({ dataDir }, 0)).toContain("raft.untrusted-");
  const fresh = await open();
  expect(fresh.initial.identity).toBeUndefined();
  await close(fresh);
});

test("a data folder that cannot be made is the machine's fault, not a broken promise", async () => {
  writeFileSync(join(dataDir, "file"), "");
  const opened = await openLogStore({ dataDir: join(dataDir, "file", "below"), boot: BOOT });
  expect(opened.kind).toBe("environment");
});

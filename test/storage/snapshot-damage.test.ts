import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { createPrng, defined } from "../../src/base/index.ts";
import { openLogStore, openSnapshotStore, openStores, storePaths } from "../../src/storage/index.ts";
import { EMPTY_HEAD } from "../../src/storage/head-record.ts";
import { LogDatabase } from "../../src/storage/log-database.ts";
import type { SqliteSnapshotStore } from "../../src/storage/snapshot-store.ts";
import { closeSnapshots, loadSnapshot, snapshotDraft, stateParts, takeSnapshot } from "../contracts/snapshot-store.ts";
import { DrivenLog } from "./log-folder.ts";
import { BOOT } from "./log-model.ts";

const ROUNDS = process.env["KONSUL_LONG"] === "1" ? 2000 : 40;

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "konsul-snapshot-damage-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(): Promise<{ readonly store: SqliteSnapshotStore; readonly notes: readonly string[] }> {
  const opened = await openSnapshotStore({ dataDir });
  if (opened.kind !== "opened") throw new Error(opened.message);
  return opened;
}

test("a snapshot with a flipped bit or a cut file is never loaded as if it were whole", async () => {
  const { snapshots } = storePaths({ dataDir });
  const first = await open();
  const wanted = new Map<string, Uint8Array>();
  for (const index of [1, 2]) {
    const parts = stateParts(index);
    const meta = await takeSnapshot(first.store, index, parts);
    wanted.set(meta.id, Buffer.concat(parts));
  }
  await closeSnapshots(first.store);
  const whole = readFileSync(snapshots);
  const prng = createPrng(50);
  const counts = { rounds: 0, loaded: 0, damaged: 0, missing: 0, fellBack: 0, wrong: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(storePaths({ dataDir }).folder, { recursive: true });
    await closeSnapshots((await open()).store);
    const bytes = Uint8Array.from(whole);
    const at = prng.between(0, bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.between(0, 8));
    writeFileSync(snapshots, prng.chance(0.1) ? bytes.slice(0, at) : bytes);
    const { store } = await open();
    counts.rounds += 1;
    counts.missing += wanted.size - store.list().length;
    const outcomes: boolean[] = [];
    for (const { id } of store.list().toReversed()) {
      const bytesBack = await loadSnapshot(store, id).catch(() => undefined);
      outcomes.push(bytesBack !== undefined);
      if (bytesBack === undefined) {
        counts.damaged += 1;
        expect(store.list().some((meta) => meta.id === id)).toBe(false);
      } else if (Buffer.compare(bytesBack, wanted.get(id) ?? new Uint8Array(0)) === 0) counts.loaded += 1;
      else counts.wrong += 1;
    }
    counts.fellBack += Number(outcomes[0] === false && outcomes[1] === true);
    await closeSnapshots(store);
  }
  process.stdout.write(`snapshot damage (seed 50): ${JSON.stringify(counts)}\n`);
  expect(counts.wrong).toBe(0);
  expect(counts.fellBack).toBeGreaterThan(0);
}, 300_000);

/** A log of several entries in `dataDir`, with one of them spoiled behind SQLite's back. */
function makeLogWithDamage(): { readonly bad: number; readonly last: number; readonly log: DrivenLog } {
  const log = new DrivenLog(storePaths({ dataDir }), 1);
  while (log.model.entries.length < 12) log.step();
  log.close();
  const { entries } = log.model;
  const bad = defined(entries[4], "an entry").index;
  const database = new Database(storePaths({ dataDir }).database);
  database.run("UPDATE entries SET term = term + 1 WHERE idx = ?", [bad]);
  database.close();
  return { bad, last: defined(entries.at(-1), "the last entry").index, log };
}

test("a damaged entry that a whole snapshot contains is removed with a note, and the rest of the log is kept", async () => {
  const { bad, log } = makeLogWithDamage();
  const covering = defined(
    log.model.entries.find(({ index }) => index === bad + 2),
    "an entry",
  );
  const { store } = await open();
  const writer = store.create();
  const { index, term, chain, time } = covering;
  await new Promise((resolve) => writer.complete({ ...snapshotDraft(index), term, chain, time }, resolve));
  await closeSnapshots(store);
  expect((await openLogStore({ dataDir, boot: BOOT })).kind).toBe("untrusted");
  for (let start = 0; start < 2; start++) {
    const opened = await openStores({ dataDir, boot: BOOT });
    if (opened.kind !== "opened") throw new Error(opened.message);
    expect(opened.notes).toHaveLength(start === 0 ? 1 : 0);
    expect(opened.log.initial.base).toEqual({ index, term, chain, time });
    expect(opened.log.initial.entries).toEqual(log.model.entries.filter((entry) => entry.index > index));
    expect(opened.log.initial.hard).toEqual(log.model.hard);
    await new Promise<void>((resolve) => opened.log.close(resolve));
    await closeSnapshots(opened.snapshots);
  }
});

test("a damaged entry above the newest whole snapshot is refused, and the folder stays as it is", async () => {
  const { bad, log } = makeLogWithDamage();
  const below = defined(
    log.model.entries.find(({ index }) => index === bad - 1),
    "an entry",
  );
  const { store } = await open();
  const writer = store.create();
  const { index, term, chain, time } = below;
  await new Promise((resolve) => writer.complete({ ...snapshotDraft(index), term, chain, time }, resolve));
  await closeSnapshots(store);
  const before = readFileSync(storePaths({ dataDir }).database);
  const opened = await openStores({ dataDir, boot: BOOT });
  expect(opened.kind).toBe("untrusted");
  expect(readFileSync(storePaths({ dataDir }).database).equals(before)).toBe(true);
});

test("reading ends before a damaged entry, and says so when that is the first one", () => {
  const { bad, last } = makeLogWithDamage();
  const database = new LogDatabase(storePaths({ dataDir }).database, EMPTY_HEAD);
  const read = (from: number): readonly number[] =>
    database.read({ from, to: last + 1, bytesMax: Infinity }).map(({ index }) => index);
  expect(read(bad - 2)).toEqual([bad - 2, bad - 1]);
  expect(() => read(bad)).toThrow(`The checksum of entry ${bad} is wrong`);
  expect(read(bad + 1)[0]).toBe(bad + 1);
  database.close();
});

import { expect, test } from "bun:test";
import { createPrng, type Prng } from "../../src/base/index.ts";
import { differenceToHead, type LogModel } from "./log-model.ts";
import { DrivenLog, inspect, makeDataDir, readFiles, removeDataDir, writeFiles, type LogFiles } from "./log-folder.ts";

const ROUNDS = process.env["KONSUL_LONG"] === "1" ? 10_000 : 600;

/** The folder before and after one transaction that nobody was told of. */
interface Unsynced {
  readonly before: LogFiles;
  readonly beforeModel: LogModel;
  readonly after: LogFiles;
  readonly afterModel: LogModel;
}

function makeUnsynced(seed: number, isReused: boolean): readonly Unsynced[] {
  const all: Unsynced[] = [];
  for (let steps = 3; steps < 43; steps += 4) {
    const paths = makeDataDir("torn");
    const log = new DrivenLog(paths, seed + steps);
    for (let step = 0; step < (isReused ? 45 : 0); step++) log.step();
    if (isReused) log.checkpoint();
    for (let step = 0; step < steps; step++) log.step();
    const before = readFiles(paths);
    const beforeModel = log.model;
    log.step(false);
    all.push({ before, beforeModel, after: readFiles(paths), afterModel: log.model });
    log.close();
    removeDataDir(paths);
  }
  return all;
}

/** What a power cut may leave of the WAL: any subset of the blocks that were written and not synced. */
function tear({ before, after }: Unsynced, blockBytes: number, prng: Prng): Uint8Array {
  const old = before.wal ?? new Uint8Array(0);
  const full = after.wal ?? new Uint8Array(0);
  // The length of the file may or may not have reached the disk.
  const length = prng.chance(0.5) ? full.length : prng.between(old.length, full.length + 1);
  const torn = new Uint8Array(length);
  torn.set(old.subarray(0, length));
  const share = prng.pick([0.1, 0.5, 0.9]);
  for (let at = 0; at < length; at += blockBytes) {
    if (prng.chance(share)) torn.set(full.subarray(at, Math.min(at + blockBytes, length)), at);
  }
  return torn;
}

test("no torn tail is taken for damage, and none takes anything acknowledged with it", () => {
  const seed = 30;
  const prng = createPrng(seed);
  const corpora = { fresh: makeUnsynced(100, false), reused: makeUnsynced(200, true) };
  const paths = makeDataDir("tails");
  const counts = { rounds: 0, falseAlarms: 0, kept: 0, dropped: 0, wrong: 0 };
  for (const unsynced of [corpora.fresh, corpora.reused]) {
    for (let round = 0; round < ROUNDS / 2; round++) {
      const one = prng.pick(unsynced);
      writeFiles(paths, { ...one.before, wal: tear(one, prng.pick([512, 4096]), prng) });
      const found = inspect(paths);
      counts.rounds += 1;
      if (found.kind !== "good") counts.falseAlarms += 1;
      else if (differenceToHead(one.beforeModel, found.head, found.log.entries) === undefined) counts.dropped += 1;
      else if (differenceToHead(one.afterModel, found.head, found.log.entries) === undefined) counts.kept += 1;
      else counts.wrong += 1;
    }
  }
  removeDataDir(paths);
  process.stdout.write(`torn tails (seed ${seed}): ${JSON.stringify(counts)}\n`);
  expect([counts.falseAlarms, counts.wrong]).toEqual([0, 0]);
  expect(counts.dropped).toBeGreaterThan(0);
  // A reused WAL must really be one: the transaction behind the checkpoint is at its start again.
  const isReused = corpora.reused.some(({ before, after }) => before.wal?.length === after.wal?.length);
  expect(isReused).toBe(true);
}, 300_000);

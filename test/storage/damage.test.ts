import { expect, test } from "bun:test";
import { createPrng, defined, type Prng } from "../../src/base/index.ts";
import { differenceToHead, type LogModel } from "./log-model.ts";
import {
  DrivenLog,
  inspect,
  LOG_FILES,
  makeDataDir,
  readFiles,
  removeDataDir,
  writeFiles,
  type LogFiles,
} from "./log-folder.ts";

const SQLITE_HEADER_BYTES = 100;
const ROUNDS = process.env["KONSUL_LONG"] === "1" ? 40_000 : 2400;

interface Moment {
  readonly files: LogFiles;
  readonly model: LogModel;
}

/** Copies of one folder at several moments, as a killed process leaves them. */
function makeMoments(seed: number): readonly Moment[] {
  const paths = makeDataDir("damage");
  const log = new DrivenLog(paths, seed);
  const moments: Moment[] = [];
  for (let step = 0; step < 60; step++) {
    log.step();
    if (step === 20 || step === 40) log.checkpoint();
    if (step % 7 === 0 || step > 55) moments.push({ files: readFiles(paths), model: log.model });
  }
  log.close();
  removeDataDir(paths);
  return moments;
}

type Fault = "flip" | "cut" | "delete" | "older" | "zero";
const FAULTS: readonly Fault[] = ["flip", "flip", "flip", "flip", "cut", "delete", "older", "zero"];

function damage(moment: Moment, older: Moment, prng: Prng): { readonly fault: string; readonly files: LogFiles } {
  const name = prng.pick(LOG_FILES);
  const fault = prng.pick(FAULTS);
  const bytes = moment.files[name];
  if (bytes === undefined) return { fault: `${name} none`, files: moment.files };
  const copy = Uint8Array.from(bytes);
  const at = prng.between(0, Math.max(1, copy.length));
  switch (fault) {
    case "flip":
      copy[at] = (copy[at] ?? 0) ^ (1 << prng.between(0, 8));
      return { fault: `${name} flip at ${at}`, files: { ...moment.files, [name]: copy } };
    case "zero":
      copy.fill(0, at, at + 512);
      return { fault: `${name} zeroed at ${at}`, files: { ...moment.files, [name]: copy } };
    case "cut":
      return { fault: `${name} cut at ${at}`, files: { ...moment.files, [name]: copy.slice(0, at) } };
    case "delete":
      return { fault: `${name} deleted`, files: { ...moment.files, [name]: undefined } };
    case "older":
      return { fault: `${name} older`, files: { ...moment.files, [name]: older.files[name] } };
    default:
      throw new Error(String(fault));
  }
}

test("no flipped bit, cut, deletion or older copy of a single file is believed silently", () => {
  const seed = 20;
  const prng = createPrng(seed);
  const corpora = [makeMoments(1), makeMoments(2), makeMoments(3)];
  const paths = makeDataDir("damaged");
  const counts = { refused: 0, harmless: 0, believed: 0 };
  const believed: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const moments = prng.pick(corpora);
    const at = prng.between(1, moments.length);
    const moment = defined(moments[at], "a moment");
    const older = defined(moments[prng.between(0, at)], "an older moment");
    const { fault, files } = damage(moment, older, prng);
    writeFiles(paths, files);
    const found = inspect(paths);
    if (found.kind === "untrusted") counts.refused += 1;
    else if (found.kind === "good" && differenceToHead(moment.model, found.head, found.log.entries) === undefined) {
      counts.harmless += 1;
    } else believed.push(`${fault}: ${found.kind}`);
  }
  counts.believed = believed.length;
  removeDataDir(paths);
  process.stdout.write(`damage: ${ROUNDS} faults (seed ${seed}): ${JSON.stringify(counts)}\n`);
  expect(believed).toEqual([]);
  expect(counts.refused).toBeGreaterThan(ROUNDS / 3);
}, 300_000);

test("a flipped bit in the header of the database is damage, or nothing, and no newer release", () => {
  const moment = defined(makeMoments(4).at(-1), "a moment");
  const paths = makeDataDir("header");
  const good = defined(moment.files.database, "a database");
  for (let bit = 0; bit < SQLITE_HEADER_BYTES * 8; bit += 1) {
    const database = Uint8Array.from(good);
    database[bit >> 3] = (database[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFiles(paths, { ...moment.files, database, wal: undefined });
    const whole = inspect(paths);
    writeFiles(paths, { ...moment.files, database });
    for (const found of [whole, inspect(paths)])
      expect([bit, found.kind]).toEqual([bit, expect.stringMatching(/^(?:untrusted|good)$/)]);
  }
  removeDataDir(paths);
});

test("an undamaged folder is never refused, at any moment", () => {
  const paths = makeDataDir("whole");
  for (const { files, model } of makeMoments(5)) {
    writeFiles(paths, files);
    const found = inspect(paths);
    if (found.kind !== "good") throw new Error(JSON.stringify(found));
    expect(differenceToHead(model, found.head, found.log.entries)).toBeUndefined();
  }
  removeDataDir(paths);
});

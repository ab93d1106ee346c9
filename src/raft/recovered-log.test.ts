import { fullGC, heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { createPrng } from "../base/index.ts";
import { chainStart, entrySize, type Entry, type EntryPoint } from "./entry.ts";
import { Log } from "./log.ts";
import { lastRecovered, LogSurvey, ownEntries, recoveredTerm, type RecoveredLog } from "./recovered-log.ts";
import { CLUSTER_ID, entryAfter, EPOCH } from "./testing/fixtures.ts";

const BASE = { index: 0, term: 0, chain: chainStart(CLUSTER_ID, EPOCH), time: 0 };

function surveyed(entries: readonly Entry[], tailBytesMax: number): RecoveredLog {
  const survey = new LogSurvey(tailBytesMax);
  for (const entry of entries) survey.push(entry);
  return survey.finish(BASE);
}

function randomEntries(seed: number): readonly Entry[] {
  const prng = createPrng(seed);
  const entries: Entry[] = [];
  let term = 1;
  for (let count = prng.between(0, 4000); count > 0; count -= 1) {
    if (prng.chance(0.1)) term += prng.between(1, 3);
    const kind = prng.pick(["command", "command", "noop", "membership", "check"] as const);
    entries.push(entryAfter(entries.at(-1) ?? BASE, { term, kind, data: new Uint8Array(prng.between(0, 40)) }));
  }
  return entries;
}

describe("LogSurvey", () => {
  test("keeps the newest entries whole, and of the early ones where they are and what speaks of the cluster", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const entries = randomEntries(seed);
      const tailBytesMax = createPrng(seed).pick([0, 100, 3000, 1 << 30]);
      const found = surveyed(entries, tailBytesMax);
      expect(found.entries).toEqual(entries.slice(entries.length - found.entries.length));
      const kept = found.entries.reduce((sum, entry) => sum + entrySize(entry), 0);
      expect(kept <= tailBytesMax || found.entries.length === 1).toBe(true);
      expect(lastRecovered(found)).toBe(entries.length);
      expect(entries.map(({ index }) => recoveredTerm(found, index))).toEqual(entries.map(({ term }) => term));
      expect([0, entries.length + 1].map((index) => recoveredTerm(found, index))).toEqual([undefined, undefined]);
      expect(ownEntries(found)).toEqual(entries.filter(({ kind }) => kind === "membership" || kind === "check"));
    }
  });

  test("holds on to no early entry, however large", () => {
    fullGC();
    const before = heapStats().extraMemorySize;
    const survey = new LogSurvey(1 << 20);
    let last: EntryPoint = BASE;
    for (let count = 0; count < 500; count += 1) {
      const entry = entryAfter(last, { term: 1, data: new Uint8Array(1 << 16) });
      survey.push(entry);
      last = entry;
    }
    fullGC();
    expect(heapStats().extraMemorySize - before).toBeLessThan(1 << 22);
    expect(lastRecovered(survey.finish(BASE))).toBe(500);
  });

  test("gives a log that knows every entry, as one that got all of them does", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const entries = randomEntries(seed);
      const cacheBytesMax = createPrng(seed).pick([100, 3000, 1 << 30]);
      const log = new Log(surveyed(entries, createPrng(seed + 1).pick([0, 100, 3000, 1 << 30])), cacheBytesMax);
      log.check();
      const whole = new Log({ base: BASE, entries }, cacheBytesMax);
      expect([log.lastIndex, log.lastTerm, log.lastChain]).toEqual([whole.lastIndex, whole.lastTerm, whole.lastChain]);
      for (const { index } of entries) expect(log.pointAt(index)).toEqual(whole.pointAt(index));
      expect(log.cache.bytes).toBeLessThanOrEqual(Math.max(cacheBytesMax, 0));
    }
  });
});

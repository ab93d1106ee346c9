import { fullGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { createPrng } from "../base/index.ts";
import { chainStart, type Entry } from "./entry.ts";
import { Log } from "./log.ts";
import { CLUSTER_ID, entryAfter, EPOCH } from "./testing/fixtures.ts";

const BASE = { index: 0, term: 0, chain: chainStart(CLUSTER_ID, EPOCH), time: 0 };

function logOf(terms: readonly number[], cacheBytesMax = 1 << 20): { readonly log: Log; readonly entries: Entry[] } {
  const entries: Entry[] = [];
  for (const term of terms) entries.push(entryAfter(entries.at(-1), { term }));
  return { log: new Log({ base: BASE, entries }, cacheBytesMax), entries };
}

test("Log answers like a plain list after random appends, truncations and compactions", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const prng = createPrng(seed);
    const { log } = logOf([], prng.pick([60, 300, 1 << 20]));
    let model: Entry[] = [];
    let base = 0;
    let term = 1;
    for (let i = 0; i < 300; i += 1) {
      const roll = prng.between(0, 20);
      if (roll < 14) {
        if (prng.chance(0.2)) term += 1;
        const previous = model.at(-1) ?? log.base;
        const entry = entryAfter(previous, { term });
        model.push(entry);
        log.append(entry);
      } else if (roll < 16 && model.length > 0) {
        const from = prng.between(base + 1, base + model.length + 2);
        model = model.filter(({ index }) => index < from);
        log.truncate(from);
        term = Math.max(log.lastTerm, 1);
      } else if (roll < 17 && model.length > 0) {
        base = prng.between(base, base + model.length + 1);
        model = model.filter(({ index }) => index > base);
        log.compact(base);
      } else log.cache.evict(log.lastIndex);
      log.check();
      expect(log.lastIndex, `seed ${seed}`).toBe(base + model.length);
      expect(log.firstIndex).toBe(base + 1);
      const probe = prng.between(0, base + model.length + 3);
      const known = model.find(({ index }) => index === probe);
      expect(log.termAt(probe)).toBe(probe === base ? log.base.term : known?.term);
      expect(log.chainAt(probe)).toBe(probe === base ? log.base.chain : known?.chain);
      const bound = prng.between(0, term + 1);
      const best = model.findLast(({ index, term: at }) => index <= probe && at <= bound);
      expect(log.lastIndexOfTermAtMost(probe, bound)).toBe(best?.index ?? (probe < base ? probe : base));
    }
  }
});

test("Log.slice() gives at least one entry and stops at the bound in bytes", () => {
  const { log, entries } = logOf([1, 1, 1, 1]);

  expect(log.slice(2, 99, 1)).toEqual(entries.slice(1, 2));
  expect(log.slice(1, 4, 98)).toEqual(entries.slice(0, 2));
  expect(log.slice(5, 9, 98)).toEqual([]);
});

test("Log.slice() is undefined for what is not in memory, until it is loaded", () => {
  const { log, entries } = logOf([1, 1, 1, 1, 1], 100);

  expect(log.slice(1, 9, 1000)).toBeUndefined();
  log.cache.setLoaded(entries.slice(0, 3));
  expect(log.slice(1, 9, 1000)).toEqual(entries);
});

test("Log.append() refuses a gap and a falling term", () => {
  const { log } = logOf([2]);

  expect(() => log.append(entryAfter({ index: 2, chain: 0, time: 0 }, { term: 2 }))).toThrow("the next must be 2");
  expect(() => log.append(entryAfter({ index: 1, chain: 0, time: 0 }, { term: 1 }))).toThrow("behind term 2");
});

test("EntryCache.evict() keeps what is not durable and applied, however large", () => {
  const { log } = logOf([], 100);
  for (let i = 0; i < 10; i += 1) log.append(entryAfter(log.pointAt(i), { term: 1 }));

  log.cache.evict(3);

  expect(log.cache.first).toBe(4);
  log.cache.evict(10);
  expect(log.cache.bytes).toBeLessThanOrEqual(100);
});

test("Log.cache holds on to no entry that it has let go, however large", () => {
  fullGC();
  const before = heapStats().extraMemorySize;
  const { log } = logOf([], 1 << 20);
  for (let count = 0; count < 500; count += 1) {
    log.append(entryAfter(log.pointAt(log.lastIndex), { term: 1, data: new Uint8Array(1 << 16) }));
    log.cache.evict(log.lastIndex);
  }
  fullGC();
  expect(heapStats().extraMemorySize - before).toBeLessThan(1 << 22);
  expect(log.cache.first).toBeLessThan(log.lastIndex);
});

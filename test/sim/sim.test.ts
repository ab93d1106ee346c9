import { describe, expect, test } from "bun:test";
import { createPrng } from "../../src/base/index.ts";
import { LogDisk } from "./disk/log-disk.ts";
import { LogImage } from "./disk/log-image.ts";
import { mutate } from "./mutants/mutant.ts";
import { MUTANTS } from "./mutants/table.ts";
import { planSeed, runPlan } from "./run-seed.ts";
import { Scheduler } from "./scheduler.ts";
import { drawSwarm } from "./swarm.ts";
import { History } from "./workload/history.ts";

describe("Scheduler", () => {
  test("lets things happen in order of time, and at equal times in order of asking", () => {
    const scheduler = new Scheduler();
    const random = createPrng(5);
    const seen: number[] = [];
    const wanted: number[] = [];
    for (let number = 0; number < 500; number += 1) {
      const at = random.between(0, 50);
      wanted.push(at * 1000 + number);
      scheduler.at(at, () => void seen.push(at * 1000 + number));
    }
    scheduler.at(10, () => void seen.push(-1)).cancel();
    scheduler.run(100, () => false);
    expect(seen).toEqual(wanted.toSorted((a, b) => a - b));
    expect(scheduler.now).toBe(100);
  });
});

describe("LogDisk", () => {
  const gate = { isAlive: true, enter: (task: () => void) => task() };
  const hooks = { onPersist: () => undefined, beforeSync: () => false, afterSync: () => false };
  const entry = { index: 1, term: 1, kind: "noop" as const, time: 0, data: new Uint8Array(0), chain: 1 };
  const open = (keepUnsyncedChance: number) => {
    const scheduler = new Scheduler();
    const { disk } = drawSwarm(1);
    const options = { ...disk, slowSyncChance: 0, keepUnsyncedChance };
    const log = new LogDisk(scheduler, options, {
      random: createPrng(1),
      image: new LogImage(0),
      tailBytesMax: Infinity,
    });
    return { scheduler, log, store: log.open(gate, hooks) };
  };

  test("loses an unsynced transaction in a crash, or keeps it whole", () => {
    for (const [chance, fate, lastIndex] of [
      [0, "lost", 0],
      [1, "kept", 1],
    ] as const) {
      const { log, store } = open(chance);
      store.persist([{ ticket: 1, append: [entry] }], 0, () => undefined);
      expect(log.image.lastIndex).toBe(0);
      expect(log.crash()).toBe(fate);
      expect(log.image.lastIndex).toBe(lastIndex);
    }
  });

  test("keeps a synced transaction, and says so only then", () => {
    const { scheduler, log, store } = open(0);
    const told: boolean[] = [];
    store.persist([{ ticket: 1, append: [entry] }], 0, ({ ok }) => void told.push(ok));
    expect(told).toEqual([]);
    scheduler.run(1000, () => false);
    expect(told).toEqual([true]);
    expect(log.crash()).toBe("none");
    expect(log.image.lastIndex).toBe(1);
  });

  test("after a failed sync the next one lies: it succeeds and nothing is kept", () => {
    const { scheduler, log, store } = open(0);
    const told: boolean[] = [];
    log.failNextSync();
    store.persist([{ ticket: 1, append: [entry] }], 0, ({ ok }) => void told.push(ok));
    scheduler.run(1000, () => false);
    store.persist([{ ticket: 1, append: [entry] }], 0, ({ ok }) => void told.push(ok));
    scheduler.run(2000, () => false);
    expect(told).toEqual([false, true]);
    expect(log.image.lastIndex).toBe(0);
  });
});

describe("History", () => {
  test("finds a read of the past, and leaves an unknown write open", () => {
    const history = new History();
    const put = { kind: "put", key: 1, value: 7 } as const;
    history.add(1, put, { from: 0, to: 10, told: { kind: "write", result: { kind: "written", index: 2 } } });
    history.add(2, { ...put, value: 8 }, { from: 11, to: 12, told: undefined });
    const get = { kind: "get", key: 1 } as const;
    history.add(3, get, { from: 20, to: 21, told: { kind: "read", row: { value: 8, index: 3 } } });
    expect(history.check().kind).toBe("linearizable");
    const happened = (index: number, at: number) =>
      history.check(new Map([["8", { result: { kind: "written", index }, at }]])).kind;
    expect(happened(3, 15)).toBe("linearizable");
    // The read at 20 has seen it, with that index.
    expect(happened(4, 15)).toBe("violation");
    expect(history.check(new Map()).kind).toBe("violation");
    history.add(4, get, { from: 30, to: 31, told: { kind: "read", row: { value: 7, index: 2 } } });
    expect(history.check().kind).toBe("violation");
  });
});

describe("a run", () => {
  test("passes, does work, and is the same when it is run again", () => {
    const plan = planSeed(3, { horizonMs: 3000 });
    const first = runPlan(plan);
    expect(first.violation).toBeUndefined();
    expect(first.acked).toBeGreaterThan(10);
    expect(runPlan(plan).traceHash).toBe(first.traceHash);
    expect(runPlan(planSeed(4, { horizonMs: 3000 })).traceHash).not.toBe(first.traceHash);
  });
});

describe("mutants", () => {
  test("each finds its text exactly once", async () => {
    for (const mutant of MUTANTS) {
      for (const edit of [mutant, ...(mutant.also === undefined ? [] : [mutant.also])]) {
        const source = await Bun.file(new URL(`../../${edit.file}`, import.meta.url)).text();
        expect(mutate(source, edit)).not.toBe(source);
      }
    }
  });

  test("one whose text is gone is refused", () => {
    const mutant = { file: "f", find: "abc", replace: "d" };
    expect(mutate("1abc2", mutant)).toBe("1d2");
    expect(() => mutate("1", mutant)).toThrow("occurs 0 times");
    expect(() => mutate("abcabc", mutant)).toThrow("occurs 2 times");
  });
});

import { describe, expect, test } from "bun:test";
import { LockJudge } from "./clients/lock-judge.ts";
import { Sequence } from "./clients/sequence.ts";
import { WatchJudge } from "./clients/watch-judge.ts";
import { failuresOf } from "./report.ts";
import { growthOf, type Sample } from "./samples.ts";
import { Tally } from "./tally.ts";

function written(...indexes: readonly number[]): Sequence {
  const sequence = new Sequence("k");
  for (const [number, index] of indexes.entries()) sequence.acknowledge(number, index);
  return sequence;
}

describe("WatchJudge", () => {
  test("is content with every number in order, also before it was acknowledged, and over a reset", () => {
    const judge = new WatchJudge([written(5, 8, 11, 20)], 4);
    expect([judge.put("k", 0, 5), judge.put("k", 1, 8), judge.reset(12), judge.put("k", 3, 20)]).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
    expect(judge.put("k", 4, 23)).toBeUndefined();
  });

  test("finds a gap, a repetition, a wrong index, and what is missing behind a reset", () => {
    const gap = new WatchJudge([written(5, 8, 11)], 4);
    gap.put("k", 0, 5);
    expect(gap.put("k", 2, 11)).toContain("2 came where 1 was next");
    const again = new WatchJudge([written(5, 8)], 4);
    again.put("k", 0, 5);
    expect(again.put("k", 0, 5)).toContain("came after");
    expect(new WatchJudge([written(5)], 4).put("k", 0, 6)).toContain("written at 5");
    const reset = new WatchJudge([written(5, 8, 11)], 4);
    reset.reset(7);
    expect(reset.put("k", 2, 11)).toContain("missing after the reset");
  });
});

test("Sequence finds a number that is seen out of its place", () => {
  const sequence = written(5, 8, 11);
  expect(sequence.contradiction(1, 8)).toBeUndefined();
  expect(sequence.contradiction(3, 10)).toContain("behind its predecessor");
  expect(sequence.contradiction(1, 9)).toContain("is seen at 9");
});

describe("LockJudge", () => {
  const grant = (token: number, call: number, now: number, until: number): Parameters<LockJudge["given"]>[1] => ({
    token,
    call,
    now,
    until,
  });

  test("is content with one holder after another", () => {
    const judge = new LockJudge();
    expect(judge.given("a", grant(1, 0, 1, 10))).toBeUndefined();
    judge.releasing("a");
    expect(judge.given("b", grant(2, 2, 3, 10))).toBeUndefined();
    // The first holder's time is over.
    expect(judge.given("c", grant(3, 11, 12, 20))).toBeUndefined();
  });

  test("finds two holders at once, and a token that does not rise", () => {
    const judge = new LockJudge();
    judge.given("a", grant(1, 0, 1, 5));
    judge.renewed("a", 10);
    expect(judge.given("b", grant(2, 6, 7, 20))).toContain("while a held it");
    judge.releasing("b");
    expect(judge.given("c", grant(2, 8, 9, 20))).toContain("token 2");
  });
});

describe("failuresOf()", () => {
  const sample = (minute: number, rssBytes: number, life = 1, stateBytes = 0): Sample => ({
    node: "n",
    life,
    atMs: minute * 60_000,
    rssBytes,
    stateBytes,
    openFds: 10,
    fileBytes: 10,
    entries: 1,
    term: 1,
    elections: 0,
  });
  const result = {
    seed: 1,
    minutes: 30,
    patience: 1,
    tally: new Tally(),
    faults: new Map<string, number>(),
    elections: 0,
    terms: 1,
    folders: [{ node: "n", entries: 100, snapshots: 2 }],
  };

  test("finds a process whose memory grows, and says nothing of one that was started anew", () => {
    const wholeMs = 30 * 60_000;
    const steady = growthOf([sample(0, 1), sample(11, 100), sample(26, 104)], wholeMs);
    expect(failuresOf({ ...result, growth: steady })).toEqual([]);
    const growing = growthOf([sample(0, 1), sample(11, 100), sample(26, 106)], wholeMs);
    expect(failuresOf({ ...result, growth: growing })).toEqual(["memory of n grew from 100 to 106"]);
    // Garbage that waits for its collection is no growth, and neither is the state.
    const garbage = growthOf([sample(0, 1), sample(11, 100), sample(26, 120), sample(26.5, 101)], wholeMs);
    expect(garbage[0]).toMatchObject({ early: 100, late: 101 });
    const state = growthOf([sample(0, 1), sample(11, 110, 1, 10), sample(26, 150, 1, 50)], wholeMs);
    expect(state[0]).toMatchObject({ early: 100, late: 100 });
    expect(growthOf([sample(0, 1), sample(11, 100), sample(26, 900, 2)], wholeMs)).toEqual([]);
    expect(growthOf([sample(9, 1), sample(11, 100), sample(26, 900)], wholeMs)).toEqual([]);
  });

  test("finds folders that keep too much, and violations", () => {
    const tally = new Tally();
    tally.violations.push("something");
    const growth = growthOf([sample(0, 1), sample(11, 100), sample(26, 100)], 30 * 60_000);
    const failures = failuresOf({ ...result, growth, tally, folders: [{ node: "n", entries: 1, snapshots: 3 }] });
    expect(failures).toEqual(["violation: something", "n keeps 1 entries and 3 snapshots"]);
  });
});

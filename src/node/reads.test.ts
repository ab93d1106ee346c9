import { describe, expect, test } from "bun:test";
import type { ReadOutcome } from "./node-types.ts";
import { Reads } from "./reads.ts";

describe("Reads", () => {
  test("all of a turn share one round and are served when the index is applied (rule 71)", () => {
    const reads = new Reads();
    const outcomes: ReadOutcome[] = [];
    reads.add(100, (outcome) => void outcomes.push(outcome));
    reads.add(100, (outcome) => void outcomes.push(outcome));
    expect(reads.nextEvent(4, 0)).toEqual({ kind: "read", now: 0, request: 4 });
    expect(reads.nextEvent(5, 0)).toBeUndefined();
    reads.onConfirmed(4, 10);
    reads.serve(9);
    expect(outcomes).toEqual([]);
    reads.serve(11);
    expect(outcomes).toEqual([
      { kind: "ready", index: 11 },
      { kind: "ready", index: 11 },
    ]);
    expect(reads.isEmpty).toBe(true);
  });

  test("a failed round is asked again a little later while somebody leads, and fails at once while nobody does", () => {
    const reads = new Reads();
    const outcomes: ReadOutcome[] = [];
    reads.add(100, (outcome) => void outcomes.push(outcome));
    reads.nextEvent(1, 0);
    expect(reads.onFailed(1, true)).toBe(true);
    expect(reads.nextEvent(2, 0)).toBeUndefined();
    reads.wake();
    expect(reads.nextEvent(2, 0)).toMatchObject({ request: 2 });
    reads.onFailed(2, false);
    expect(outcomes).toEqual([{ kind: "no-leader" }]);
  });

  test("a late reader times out and its request is given back for cancelling", () => {
    const reads = new Reads();
    const outcomes: ReadOutcome[] = [];
    reads.add(100, (outcome) => void outcomes.push(outcome));
    reads.nextEvent(1, 0);
    expect(reads.expire(99, true)).toEqual([]);
    expect(reads.expire(100, true)).toEqual([1]);
    expect(outcomes).toEqual([{ kind: "timeout" }]);
    expect(reads.onFailed(1, true)).toBe(false);
  });

  test("a waiter for an index is told when it is applied, or false at its deadline", () => {
    const reads = new Reads();
    const told: boolean[] = [];
    reads.addApplyWaiter({ index: 5, deadline: 100, done: (isApplied) => void told.push(isApplied) });
    reads.addApplyWaiter({ index: 9, deadline: 100, done: (isApplied) => void told.push(isApplied) });
    reads.serve(5);
    reads.expire(100, true);
    expect(told).toEqual([true, false]);
  });
});

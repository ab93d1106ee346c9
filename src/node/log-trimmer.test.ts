import { describe, expect, test } from "bun:test";
import type { RaftEvent } from "../raft/index.ts";
import { LogTrimmer } from "./log-trimmer.ts";
import { snapshotMeta } from "./testing/cluster-of-one.ts";
import { createManualClock, type ManualClock } from "./testing/manual-clock.ts";

const meta = snapshotMeta(25);

function given(): { readonly trimmer: LogTrimmer; readonly clock: ManualClock; readonly steps: number[] } {
  const clock = createManualClock();
  const steps: number[] = [];
  const submit = (event: RaftEvent): void => {
    if (event.kind === "snapshot-taken") steps.push(event.compactTo);
  };
  return { trimmer: new LogTrimmer({ clock, submit }), clock, steps };
}

describe("LogTrimmer.trim()", () => {
  test("cuts in steps, the first at once, and ends at what was wanted", () => {
    const { trimmer, clock, steps } = given();
    trimmer.trim({ meta, compactTo: 25, stepEntries: 10 }, 0);
    expect(steps).toEqual([10]);
    clock.advance(1000);
    expect(steps).toEqual([10, 20, 25]);
  });

  test("tells of the snapshot also when nothing is to be cut", () => {
    const { trimmer, clock, steps } = given();
    trimmer.trim({ meta, compactTo: 0, stepEntries: 10 }, 7);
    clock.advance(1000);
    expect(steps).toEqual([0]);
  });

  test("goes on to what a newer snapshot wants, in one row of steps", () => {
    const { trimmer, clock, steps } = given();
    trimmer.trim({ meta, compactTo: 25, stepEntries: 10 }, 0);
    trimmer.trim({ meta, compactTo: 45, stepEntries: 10 }, 10);
    clock.advance(10);
    expect(steps).toEqual([10, 20, 30]);
    clock.advance(1000);
    expect(steps).toEqual([10, 20, 30, 40, 45]);
  });

  test("ends with the node", () => {
    const { trimmer, clock, steps } = given();
    trimmer.trim({ meta, compactTo: 25, stepEntries: 10 }, 0);
    trimmer.stop();
    clock.advance(1000);
    expect(steps).toEqual([10]);
  });
});

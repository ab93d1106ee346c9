import { describe, expect, test } from "bun:test";
import type { LogOperation } from "./persist-codec.ts";
import { Reserve } from "./reserve.ts";

const NOTHING = { hard: undefined, truncateFrom: undefined, append: [], compactTo: undefined, reset: undefined };

function append(bytes: number): readonly LogOperation[] {
  return [
    { ...NOTHING, append: [{ index: 1, term: 1, kind: "command", time: 0, chain: 0, data: new Uint8Array(bytes) }] },
  ];
}

describe("Reserve.refusal()", () => {
  test("Reserve.refusal() looks again when time has passed, when much was written, and after each refusal", () => {
    const disk = { free: 1000, looks: 0, now: 0 };
    const free = (): number => {
      disk.looks += 1;
      return disk.free;
    };
    const reserve = new Reserve({ reserveBytes: 500, free, now: () => disk.now });
    const looks = (operations: readonly LogOperation[]): readonly [string | undefined, number] => {
      const before = disk.looks;
      return [reserve.refusal(operations)?.kind, disk.looks - before];
    };
    expect(looks(append(10))).toEqual([undefined, 1]);
    expect(looks(append(10))).toEqual([undefined, 0]);
    disk.free = 499;
    disk.now = 51;
    expect(looks(append(10))).toEqual(["full", 1]);
    expect(looks(append(10))).toEqual(["full", 1]);
    disk.free = 500;
    expect(looks(append(10))).toEqual([undefined, 1]);
    expect(looks(append(5 * 1024 * 1024))).toEqual([undefined, 1]);
    expect(looks(append(10))).toEqual([undefined, 0]);
  });

  test("Reserve.refusal() lets pass what appends nothing, and everything without a reserve", () => {
    const options = { free: () => 0, now: () => 0 };
    const vote = [{ ...NOTHING, hard: { term: 1, vote: "a~1" } }];
    expect(new Reserve({ ...options, reserveBytes: 1 }).refusal(vote)).toBeUndefined();
    expect(new Reserve({ ...options, reserveBytes: 1 }).refusal(append(0))?.kind).toBe("full");
    expect(new Reserve({ ...options, reserveBytes: 0 }).refusal(append(1))).toBeUndefined();
  });
});

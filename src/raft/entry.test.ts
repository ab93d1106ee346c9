import { describe, expect, test } from "bun:test";
import { chainAfter, chainStart, type Entry } from "./entry.ts";

const entry: Omit<Entry, "chain"> = { index: 7, term: 3, kind: "command", time: 99, data: new Uint8Array([1, 2, 3]) };
const epoch = { counter: 1, random: "00000000" };

describe("chainAfter()", () => {
  test("has the value that the format on disk promises", () => {
    expect(chainAfter(0, entry)).toBe(1132440828);
  });

  test("depends on every field, and on everything before", () => {
    const changed: Omit<Entry, "chain">[] = [
      { ...entry, index: 8 },
      { ...entry, index: 7 + 2 ** 40 },
      { ...entry, term: 4 },
      { ...entry, kind: "noop" },
      { ...entry, time: 98 },
      { ...entry, time: 99 + 2 ** 40 },
      { ...entry, data: new Uint8Array([1, 2, 4]) },
      { ...entry, data: new Uint8Array(0) },
    ];
    const chains = [entry, ...changed].map((one) => chainAfter(5, one));
    expect(new Set([...chains, chainAfter(6, entry)]).size).toBe(chains.length + 1);
  });

  test("logs that differed once never have equal chains again", () => {
    let [a, b] = [chainAfter(0, entry), chainAfter(0, { ...entry, time: 1 })];
    for (let index = 8; index < 1000; index += 1) {
      [a, b] = [chainAfter(a, { ...entry, index }), chainAfter(b, { ...entry, index })];
      expect(a).not.toBe(b);
    }
  });
});

describe("chainStart()", () => {
  test("is another for each cluster and each epoch (rule 86)", () => {
    const start = chainStart("0".repeat(32), epoch);
    expect(chainStart("1".repeat(32), epoch)).not.toBe(start);
    expect(chainStart("0".repeat(32), { counter: 2, random: "00000000" })).not.toBe(start);
    expect(chainStart("0".repeat(32), { counter: 1, random: "00000001" })).not.toBe(start);
  });
});

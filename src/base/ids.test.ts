import { describe, expect, test } from "bun:test";
import {
  InvalidId,
  isSameEpoch,
  memberKey,
  parseMemberKey,
  toClusterId,
  toIncarnation,
  toLogIndex,
  toNodeId,
} from "./ids.ts";

describe("ids", () => {
  test("a member key is split where it was joined, whatever the id looks like", () => {
    for (const id of ["node-1", "__proto__", "10", "a.b_c"]) {
      expect(parseMemberKey(memberKey(id, "00000000000000ff"))).toEqual({ id, incarnation: "00000000000000ff" });
    }
  });

  test("what no id may be is refused with the value", () => {
    for (const id of ["", "a b", "a~b", "x".repeat(65), "é"]) expect(() => toNodeId(id)).toThrow(InvalidId);
    expect(() => toIncarnation("FF00000000000000")).toThrow(InvalidId);
    expect(() => toClusterId("0")).toThrow(InvalidId);
    for (const index of [-1, 1.5, 2 ** 53]) expect(() => toLogIndex(index)).toThrow(InvalidId);
  });

  test("epochs of equal counters are told apart by their random part", () => {
    expect(isSameEpoch({ counter: 2, random: "a" }, { counter: 2, random: "a" })).toBe(true);
    expect(isSameEpoch({ counter: 2, random: "a" }, { counter: 2, random: "b" })).toBe(false);
  });
});

import { expect, test } from "bun:test";
import { LogGrowth } from "./log-growth.ts";

test("LogGrowth tells bytes since the last mark, and which mark has enough of them behind it", () => {
  const growth = new LogGrowth();
  growth.start(100);
  expect([growth.onApplied(110, 1000), growth.onApplied(110, 1000)]).toEqual([true, false]);
  expect([growth.sinceMark, growth.entryBytes]).toEqual([1000, 100]);
  growth.mark();
  growth.onApplied(120, 4000);
  growth.mark();
  growth.onApplied(130, 4500);
  expect([growth.sinceMark, growth.entryBytes]).toEqual([500, 150]);
  expect([5000, 4500, 3501, 3500].map((bytes) => growth.indexBefore(bytes))).toEqual([0, 100, 100, 110]);
  // What lies before a mark that was enough is forgotten.
  expect([growth.indexBefore(4000), growth.entryBytes]).toEqual([0, 175]);
  expect(growth.indexBefore(0)).toBe(120);
});

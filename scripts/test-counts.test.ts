import { expect, test } from "bun:test";
import { countsOf } from "./test-counts.ts";

test("countsOf() reads the runner's closing lines", () => {
  const output = "(pass) a\n\n 12 pass\n 1 skip\n 2 fail\n 30 expect() calls\n";
  expect(countsOf({ counts: "tests" }, output, 1)).toEqual({ passed: 12, failed: 2, skipped: 1 });
});

test("countsOf() counts a crash without a failing test as a failure", () => {
  expect(countsOf({ counts: "tests" }, " 12 pass\n 0 fail\n", 1)).toEqual({ passed: 12, failed: 1, skipped: 0 });
  expect(countsOf({ counts: "check" }, "", 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("countsOf() takes nothing run for a failure", () => {
  expect(countsOf({ counts: "tests" }, "", 0).failed).toBe(1);
  expect(countsOf({ counts: "counting" }, "", 0).failed).toBe(1);
});

test("countsOf() believes the last line of a program that counts", () => {
  expect(countsOf({ counts: "counting" }, "1 passed, 0 failed\n2000 passed, 3 failed\n", 1)).toEqual({
    passed: 2000,
    failed: 3,
    skipped: 0,
  });
});

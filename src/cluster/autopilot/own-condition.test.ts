import { expect, test } from "bun:test";
import { OwnCondition } from "./own-condition.ts";

test("a hiccup is no trouble; a disk or a loop that is slow again and again is, and only while it lasts", () => {
  const condition = new OwnCondition();
  for (let at = 0; at < 10_000; at += 500) condition.onWrite(at, at === 5_000 ? 2_000 : 5);
  condition.onDelay(9_000, 3_000);
  expect(condition.trouble(10_000)).toBeUndefined();
  for (let at = 10_000; at < 20_000; at += 500) condition.onWrite(at, 700);
  expect(condition.trouble(20_000)).toBe("its disk takes 700 ms for a write");
  for (let at = 20_000; at < 31_000; at += 500) condition.onWrite(at, 5);
  expect(condition.trouble(31_000)).toBeUndefined();
  for (let at = 31_000; at < 41_000; at += 500) condition.onDelay(at, 600);
  expect(condition.trouble(41_000)).toBe("its event loop is 600 ms late");
  expect(condition.trouble(60_000)).toBeUndefined();
});

test("writes that take seconds each are trouble although there are few, and a single one is none", () => {
  const condition = new OwnCondition();
  condition.onWrite(6_000, 6_000);
  expect(condition.trouble(10_000)).toBeUndefined();
  condition.onWrite(9_000, 3_000);
  expect(condition.trouble(10_000)).toBe("its disk takes 6000 ms for a write");
});

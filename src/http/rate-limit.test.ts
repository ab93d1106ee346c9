import { expect, test } from "bun:test";
import { RateLimit } from "./rate-limit.ts";

function manualClock(): { readonly now: () => number; readonly advance: (ms: number) => void } {
  let now = 0;
  return { now: () => now, advance: (ms) => void (now += ms) };
}

test("each client has so many requests a second, and as many at once", () => {
  const clock = manualClock();
  const limit = new RateLimit(5, clock);
  for (let i = 0; i < 5; i += 1) expect(limit.take("a")).toBe(0);
  expect(limit.take("a")).toBeCloseTo(0.2);
  expect(limit.take("b")).toBe(0);
  clock.advance(200);
  expect(limit.take("a")).toBe(0);
  expect(limit.take("a")).toBeGreaterThan(0);
  clock.advance(60_000);
  for (let i = 0; i < 5; i += 1) expect(limit.take("a")).toBe(0);
  expect(limit.take("a")).toBeGreaterThan(0);
});

test("0 is no limit, and the clients remembered are bounded", () => {
  const clock = manualClock();
  const none = new RateLimit(0, clock);
  for (let i = 0; i < 1000; i += 1) expect(none.take("a")).toBe(0);
  const limit = new RateLimit(1, clock);
  for (let i = 0; i < 10_001; i += 1) limit.take(`c${i}`);
  // The first one was forgotten, the second is still remembered.
  expect(limit.take("c0")).toBe(0);
  expect(limit.take("c5000")).toBeGreaterThan(0);
});

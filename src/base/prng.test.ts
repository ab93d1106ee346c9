import { describe, expect, test } from "bun:test";
import { createPrng } from "./prng.ts";

describe("createPrng()", () => {
  test("a seed means the same numbers everywhere and always", () => {
    const prng = createPrng(42);
    const first = [prng.next(), prng.next(), prng.next()];
    const again = createPrng(42);
    expect([again.next(), again.next(), again.next()]).toEqual(first);
    expect(createPrng(43).next()).not.toBe(first[0]);
  });

  test("between() stays in its half-open range and reaches both ends", () => {
    const prng = createPrng(1);
    const seen = new Set<number>();
    for (let at = 0; at < 1000; at += 1) seen.add(prng.between(3, 6));
    expect(seen).toEqual(new Set([3, 4, 5]));
  });

  test("chance() comes true about as often as it says", () => {
    const prng = createPrng(5);
    let hits = 0;
    for (let at = 0; at < 10_000; at += 1) if (prng.chance(0.25)) hits += 1;
    expect(hits).toBeGreaterThan(2_300);
    expect(hits).toBeLessThan(2_700);
  });

  test("a forked stream does not shift when the other draws more", () => {
    const one = createPrng(9);
    const fork = one.fork();
    const two = createPrng(9);
    const sameFork = two.fork();
    for (let at = 0; at < 100; at += 1) two.next();
    expect(sameFork.next()).toBe(fork.next());
  });

  test("pick() from nothing is an error", () => {
    expect(() => createPrng(1).pick([])).toThrow(RangeError);
  });
});

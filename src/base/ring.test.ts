import { fullGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { createPrng } from "./prng.ts";
import { Ring } from "./ring.ts";

test("Ring behaves like a plain list after random changes at both ends", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const prng = createPrng(seed);
    const ring = new Ring<number>();
    let model: number[] = [];
    for (let i = 0; i < 400; i += 1) {
      const roll = prng.between(0, 20);
      if (roll < 14)
        for (let n = prng.between(0, 12); n >= 0; n -= 1) ring.push(model.push(i * 100 + n) && i * 100 + n);
      else if (roll < 17) {
        const count = prng.between(0, model.length + 3);
        ring.drop(count);
        model = model.slice(count);
      } else if (roll < 20) {
        const length = prng.between(0, model.length + 3);
        ring.truncate(length);
        model = model.slice(0, length);
      } else {
        ring.clear();
        model = [];
      }
      expect(ring.length, `seed ${seed}`).toBe(model.length);
      expect(ring.slice(0), `seed ${seed}`).toEqual(model);
      const [from, to] = [prng.between(0, model.length + 2), prng.between(0, model.length + 2)];
      expect(ring.slice(from, to)).toEqual(model.slice(from, to));
      const place = prng.between(0, model.length + 2);
      expect(ring.at(place)).toBe(model[place]);
      expect(ring.last()).toBe(model.at(-1));
    }
  }
});

test("Ring.at() outside of the row is undefined, whatever lies in the slot", () => {
  const ring = new Ring<string>();
  ring.push("a");
  ring.push("b");
  ring.drop(1);

  expect(ring.at(-1)).toBeUndefined();
  expect(ring.at(1)).toBeUndefined();
});

test("Ring holds on to nothing that was dropped or truncated", () => {
  const count = (): number => {
    fullGC();
    return heapStats().objectTypeCounts["WeakSet"] ?? 0;
  };
  const before = count();
  const ring = new Ring<WeakSet<object>>();
  for (let i = 0; i < 1000; i += 1) ring.push(new WeakSet());

  // Neither makes the array smaller, which alone would let go of the rest. The engine may keep a few alive on its stack.
  ring.drop(480);
  expect(count() - before).toBeWithin(520, 540);
  ring.truncate(140);
  expect(count() - before).toBeWithin(140, 160);
  expect(ring.length).toBe(140);
});

test("Ring gives back the room of what was dropped at once", () => {
  const ring = new Ring<number>();
  for (let i = 0; i < 100_000; i += 1) ring.push(i);
  const full = heapUsed();

  ring.drop(99_990);

  expect(ring.slice(0)).toEqual([99_990, 99_991, 99_992, 99_993, 99_994, 99_995, 99_996, 99_997, 99_998, 99_999]);
  expect(full - heapUsed()).toBeGreaterThan(800_000);
});

function heapUsed(): number {
  fullGC();
  return heapStats().heapSize + heapStats().extraMemorySize;
}

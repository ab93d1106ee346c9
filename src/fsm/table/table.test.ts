import { describe, expect, test } from "bun:test";
import { createPrng, utf8, type KeyRange, type Prng, type Table } from "../../base/index.ts";
import { keyAfter, prefixEnd, startsWithBytes } from "./byte-keys.ts";
import { createBTreeTable } from "./btree-table.ts";
import { createSortedArrayTable } from "./sorted-array-table.ts";

const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");
const listed = (rows: Iterable<readonly [Uint8Array, number]>): unknown =>
  [...rows].map(([key, row]) => [hex(key), row]);

function randomKey(prng: Prng): Uint8Array {
  return Uint8Array.from({ length: prng.between(1, 4) }, () => prng.pick([0, 1, 0x7f, 0x80, 0xff]));
}

function randomRange(prng: Prng): KeyRange {
  return {
    ...(prng.chance(0.7) ? { from: randomKey(prng) } : {}),
    ...(prng.chance(0.7) ? { to: randomKey(prng) } : {}),
    ...(prng.chance(0.5) ? { reverse: prng.chance(0.8) } : {}),
  };
}

describe("createBTreeTable()", () => {
  test("behaves as the sorted array under random operations, with frozen views in between (seed 31)", () => {
    const prng = createPrng(31);
    const tree = createBTreeTable<number>();
    const array = createSortedArrayTable<number>();
    const frozen: { view: IterableIterator<readonly [Uint8Array, number]>; wanted: string; seen: unknown[] }[] = [];
    for (let step = 0; step < 6000; step++) {
      const key = randomKey(prng);
      if (prng.chance(0.6)) {
        tree.set(key, step);
        array.set(key, step);
      } else {
        expect(tree.delete(key)).toBe(array.delete(key));
      }
      expect(tree.size).toBe(array.size);
      expect(tree.get(key)).toBe(array.get(key));
      if (step % 50 === 0) {
        const range = randomRange(prng);
        expect(listed(tree.range(range))).toEqual(listed(array.range(range)));
      }
      if (step % 400 === 0) {
        const view = tree.freeze().rows();
        frozen.push({ view, wanted: JSON.stringify(listed(array.freeze().rows())), seen: [] });
      }
      for (const { view, seen } of frozen) {
        const next = view.next();
        if (next.done !== true) seen.push([hex(next.value[0]), next.value[1]]);
      }
      if (step === 3000) {
        tree.clear();
        array.clear();
      }
    }
    for (const { view, wanted, seen } of frozen) {
      for (const [key, row] of view) seen.push([hex(key), row]);
      expect(JSON.stringify(seen)).toBe(wanted);
    }
  });

  test("shuffled insertion gives the same order (seed 32)", () => {
    const prng = createPrng(32);
    const keys = Array.from({ length: 500 }, (_, i) => utf8(`key/${i}`));
    const orders = [keys, keys.toReversed(), keys.toSorted(() => prng.float() - 0.5)];
    const lists = orders.map((order) => {
      const table = createBTreeTable<number>();
      for (const key of order) table.set(key, 1);
      return JSON.stringify(listed(table.range({})));
    });
    expect(new Set(lists).size).toBe(1);
  });
});

for (const [name, create] of [
  ["createBTreeTable()", createBTreeTable],
  ["createSortedArrayTable()", createSortedArrayTable],
] as const) {
  test(`${name} orders by unsigned bytes, a prefix first, and a released view is empty`, () => {
    const table: Table<number> = create<number>();
    for (const key of [[0xff], [0x7f], [0x80], [0x7f, 0], [0]]) table.set(Uint8Array.from(key), 1);
    const keys = [...table.range({})].map(([key]) => hex(key));
    expect(keys).toEqual(["00", "7f", "7f00", "80", "ff"]);
    const reversed = [...table.range({ reverse: true, from: Uint8Array.of(0x7f), to: Uint8Array.of(0x80) })];
    expect(reversed.map(([key]) => hex(key))).toEqual(["7f00", "7f"]);
    const frozen = table.freeze();
    expect(frozen.size).toBe(5);
    frozen.release();
    expect([...frozen.rows()]).toEqual([]);
    expect(frozen.size).toBe(0);
    expect([...create<number>().range({ reverse: true })]).toEqual([]);
    expect([...table.range({ from: Uint8Array.of(0x90), to: Uint8Array.of(0x10) })]).toEqual([]);
  });
}

describe("byte keys", () => {
  test("prefixEnd() is the first key behind the prefix", () => {
    expect(prefixEnd(utf8("a/"))).toEqual(utf8("a0"));
    expect(prefixEnd(Uint8Array.of(1, 0xff, 0xff))).toEqual(Uint8Array.of(2));
    expect(prefixEnd(Uint8Array.of(0xff, 0xff))).toBeUndefined();
    expect(prefixEnd(new Uint8Array(0))).toBeUndefined();
    const prefix = Buffer.from("a/");
    expect(prefixEnd(prefix)).toEqual(utf8("a0"));
    expect(prefix.toString()).toBe("a/");
  });

  test("keyAfter() is the smallest greater key, startsWithBytes() compares bytes", () => {
    expect(keyAfter(utf8("a"))).toEqual(Uint8Array.of(0x61, 0));
    expect(startsWithBytes(utf8("abc"), utf8("ab"))).toBe(true);
    expect(startsWithBytes(utf8("abc"), utf8("abd"))).toBe(false);
    expect(startsWithBytes(utf8("a"), utf8("ab"))).toBe(false);
  });
});

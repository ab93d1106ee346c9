import { describe, expect, test } from "bun:test";
import { createPrng, utf8, type KeyRange, type Prng, type Table, type TableEntry } from "../../base/index.ts";
import { keyAfter, prefixEnd, startsWithBytes } from "./byte-keys.ts";
import { checkPageTree } from "./page-check.ts";
import { createPageTable } from "./page-table.ts";
import { PageTree } from "./page-tree.ts";
import { createSortedArrayTable } from "./sorted-array-table.ts";

const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");

function listed(entries: Iterable<TableEntry>): readonly string[] {
  return [...entries].map(({ key, row }) => `${hex(key.rest())}=${Bun.hash(row.rest())}`);
}

/** How keys and rows of a run look: what makes pages split, join and overflow differs. */
interface Shape {
  readonly name: string;
  readonly steps: number;
  readonly key: (prng: Prng, step: number) => Uint8Array;
  readonly rowBytes: (prng: Prng) => number;
}

const fewBytes = (prng: Prng, min: number, max: number): Uint8Array =>
  Uint8Array.from({ length: prng.between(min, max) }, () => prng.pick([0, 1, 0x7f, 0x80, 0xff]));
const short = (prng: Prng): number => prng.between(0, 120);
const any = (prng: Prng): number => prng.pick([0, 1, 100, 1023, 1024, 1025, 3000, 4096, 70_000]);

const SHAPES: readonly Shape[] = [
  { name: "few short keys", steps: 3000, key: (prng) => fewBytes(prng, 0, 4), rowBytes: short },
  {
    name: "keys with a long common prefix",
    steps: 2500,
    key: (prng) => utf8(`${"shared/".repeat(20)}${prng.between(0, 1500)}`),
    rowBytes: short,
  },
  { name: "ascending keys", steps: 2500, key: (_, step) => utf8(String(step).padStart(8, "0")), rowBytes: short },
  {
    name: "descending keys",
    steps: 2500,
    key: (_, step) => utf8(String(99_999 - step).padStart(8, "0")),
    rowBytes: short,
  },
  { name: "rows of any size", steps: 1500, key: (prng) => fewBytes(prng, 1, 4), rowBytes: any },
  {
    name: "keys of any size",
    steps: 1200,
    key: (prng) => new Uint8Array(prng.pick([254, 255, 256, 1000, 4096, 5000])).fill(prng.between(0, 60), 200),
    rowBytes: any,
  },
];

function taken(view: IterableIterator<TableEntry>, count: number): readonly TableEntry[] {
  const entries: TableEntry[] = [];
  while (entries.length < count) {
    const next = view.next();
    if (next.done === true) break;
    entries.push(next.value);
  }
  return entries;
}

class Run {
  readonly prng: Prng;
  readonly shape: Shape;
  readonly tree = new PageTree();
  readonly pages = createPageTable(this.tree);
  readonly array = createSortedArrayTable();
  readonly known: Uint8Array[] = [];
  readonly #views: {
    readonly view: IterableIterator<TableEntry>;
    readonly wanted: readonly string[];
    seen: string[];
  }[] = [];

  constructor(shape: Shape, seed: number) {
    this.shape = shape;
    this.prng = createPrng(seed);
  }

  step(step: number, deletes: number): void {
    const { prng, pages, array } = this;
    const isKnown = this.known.length > 0 && prng.chance(0.3 + deletes / 2);
    const key = isKnown ? prng.pick(this.known) : this.shape.key(prng, step);
    if (prng.chance(deletes)) {
      expect(pages.delete(key)).toBe(array.delete(key));
    } else {
      const row = new Uint8Array(this.shape.rowBytes(prng)).fill(step);
      // Some writers read first, as the state machine does.
      if (prng.chance(0.5)) pages.get(key);
      pages.set(key, row.slice());
      array.set(key, row);
      if (!isKnown) this.known.push(key);
    }
    expect(pages.size).toBe(array.size);
    const [found, wanted] = [pages.get(key)?.rest(), array.get(key)?.rest()].map((row) => row && Bun.hash(row));
    expect(found).toBe(wanted);
    if (prng.chance(0.02)) this.compare();
    if (prng.chance(0.01)) this.freeze();
    for (const { view, seen } of this.#views)
      if (prng.chance(0.2)) seen.push(...listed(taken(view, prng.between(1, 9))));
  }

  compare(): void {
    const range = this.#range();
    expect(listed(this.pages.range(range))).toEqual(listed(this.array.range(range)));
    checkPageTree(this.tree);
  }

  freeze(): void {
    const wanted = listed(this.array.range({}));
    this.#views.push({ view: this.pages.freeze().rows(), wanted, seen: [] });
  }

  end(): void {
    for (const { view, wanted, seen } of this.#views) expect([...seen, ...listed(view)]).toEqual([...wanted]);
    for (const reverse of [false, true]) {
      expect(listed(this.pages.range({ reverse }))).toEqual(listed(this.array.range({ reverse })));
    }
  }

  #range(): KeyRange {
    const { prng } = this;
    const bound = (): Uint8Array =>
      prng.chance(0.5) && this.known.length > 0 ? prng.pick(this.known) : this.shape.key(prng, prng.between(0, 4000));
    return {
      ...(prng.chance(0.7) ? { from: bound() } : {}),
      ...(prng.chance(0.7) ? { to: bound() } : {}),
      ...(prng.chance(0.5) ? { reverse: prng.chance(0.8) } : {}),
    };
  }
}

describe("createPageTable()", () => {
  for (const shape of SHAPES) {
    for (const seed of [31, 32, 33]) {
      test(`behaves as the sorted array, frozen views included: ${shape.name} (seed ${seed})`, () => {
        const run = new Run(shape, seed);
        for (let step = 0; step < shape.steps; step++) {
          // Mostly growing, then mostly shrinking, then both.
          run.step(step, [0.1, 0.8, 0.4][Math.floor((step * 3) / shape.steps)] ?? 0);
        }
        run.end();
        for (const key of run.known) {
          expect(run.pages.delete(key)).toBe(run.array.delete(key));
          if (run.prng.chance(0.05)) checkPageTree(run.tree);
        }
        expect(run.pages.size).toBe(0);
        checkPageTree(run.tree);
        run.pages.set(utf8("again"), utf8("1"));
        expect(listed(run.pages.range({}))).toHaveLength(1);
      });
    }
  }

  test("append() takes rows in order only, also behind a frozen view, and what follows may be changed (seed 34)", () => {
    const prng = createPrng(34);
    const tree = new PageTree();
    const [pages, array] = [createPageTable(tree), createSortedArrayTable()];
    const frozen: [IterableIterator<TableEntry>, readonly string[]][] = [];
    for (let i = 0; i < 3000; i++) {
      const key = utf8(String(i * 10).padStart(7, "0"));
      const row = new Uint8Array(prng.chance(0.02) ? 5000 : prng.between(0, 200)).fill(i);
      const bytes = Uint8Array.of(9, ...key, ...row, 9);
      const cell = { bytes, keyFrom: 1, rowFrom: 1 + key.length, to: bytes.length - 1 };
      expect([pages.append(cell), array.append(cell)]).toEqual([true, true]);
      expect([pages.append(cell), array.append(cell)]).toEqual([false, false]);
      bytes.fill(0);
      if (i % 500 === 0) frozen.push([pages.freeze().rows(), listed(array.range({}))]);
    }
    checkPageTree(tree);
    expect(listed(pages.range({}))).toEqual(listed(array.range({})));
    for (let i = 0; i < 1000; i++) {
      const key = utf8(String(prng.between(0, 30_000)).padStart(7, "0"));
      const row = new Uint8Array(prng.between(0, 300)).fill(i);
      for (const table of [pages, array]) table.set(key, row);
    }
    checkPageTree(tree);
    expect(listed(pages.range({}))).toEqual(listed(array.range({})));
    for (const [view, wanted] of frozen) expect(listed(view)).toEqual(wanted);
  });

  test("clear() leaves frozen views alone", () => {
    const pages = createPageTable();
    for (let i = 0; i < 500; i++) pages.set(utf8(`key/${i}`), utf8("row"));
    const frozen = pages.freeze();
    pages.clear();
    expect([pages.size, pages.get(utf8("key/1")), [...pages.range({})].length]).toEqual([0, undefined, 0]);
    pages.set(utf8("key/1"), utf8("other"));
    expect(listed(frozen.rows())).toHaveLength(500);
  });

  test("shuffled insertion gives the same order (seed 35)", () => {
    const prng = createPrng(35);
    const keys = Array.from({ length: 500 }, (_, i) => utf8(`key/${i}`));
    const orders = [keys, keys.toReversed(), keys.toSorted(() => prng.float() - 0.5)];
    const lists = orders.map((order) => {
      const table = createPageTable();
      for (const key of order) table.set(key, utf8("1"));
      return JSON.stringify(listed(table.range({})));
    });
    expect(new Set(lists).size).toBe(1);
  });
});

for (const [name, create] of [
  ["createPageTable()", createPageTable],
  ["createSortedArrayTable()", createSortedArrayTable],
] as const) {
  test(`${name} orders by unsigned bytes, a prefix first, and a released view is empty`, () => {
    const table: Table = create();
    for (const key of [[0xff], [0x7f], [0x80], [0x7f, 0], [0]]) table.set(Uint8Array.from(key), utf8("1"));
    const keysOf = (range: KeyRange): readonly string[] => [...table.range(range)].map(({ key }) => hex(key.rest()));
    expect(keysOf({})).toEqual(["00", "7f", "7f00", "80", "ff"]);
    expect(keysOf({ reverse: true, from: Uint8Array.of(0x7f), to: Uint8Array.of(0x80) })).toEqual(["7f00", "7f"]);
    const frozen = table.freeze();
    expect(frozen.size).toBe(5);
    frozen.release();
    expect([...frozen.rows()]).toEqual([]);
    expect(frozen.size).toBe(0);
    expect([...create().range({ reverse: true })]).toEqual([]);
    expect(keysOf({ from: Uint8Array.of(0x90), to: Uint8Array.of(0x10) })).toEqual([]);
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

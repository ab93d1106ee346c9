import { describe, expect, test } from "bun:test";
import { createPrng, EMPTY_BYTES, InvariantViolation, utf8 } from "../../base/index.ts";
import { ChangeFeed } from "../feed/change-feed.ts";
import { createKonsulFsm, type KonsulFsm } from "../index.ts";
import { StateTable } from "../state/state-table.ts";
import { createSortedArrayTable } from "../table/sorted-array-table.ts";
import { applyNext, randomLog } from "../test-log.ts";
import { createKvQueries, type KvPage, type KvPair } from "./kv-queries.ts";
import { kvRow, kvRowFormat } from "./kv-row.ts";

function withKeys(...names: readonly string[]): KonsulFsm {
  const fsm = createKonsulFsm({ watchWindow: 4 });
  for (const name of names) applyNext(fsm, { kind: "kv-set", key: utf8(name), value: utf8(name), flags: 0n });
  return fsm;
}

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

describe("KvQueries.list() and keys()", () => {
  const fsm = withKeys("b/3", "a", "b/1", "é", "b/2", "b0", "Z");

  test("give the pairs under a prefix in the order of bytes", () => {
    const page = fsm.kv.list({ prefix: utf8("b/"), limit: 10 });
    expect(page.items.map((item) => [text(item.key), item.row.modifyIndex])).toEqual([
      ["b/1", 3],
      ["b/2", 5],
      ["b/3", 1],
    ]);
    expect(page.next).toBeUndefined();
    const all = fsm.kv.keys({ prefix: EMPTY_BYTES, limit: 10 }).items.map(text);
    expect(all).toEqual(["Z", "a", "b/1", "b/2", "b/3", "b0", "é"]);
  });

  test("name the last key only when there are more", () => {
    const first = fsm.kv.keys({ prefix: utf8("b"), limit: 3 });
    expect(text(first.next)).toBe("b/3");
    const second = fsm.kv.keys({ prefix: utf8("b"), limit: 1, after: first.next ?? EMPTY_BYTES });
    expect(second.items.map(text)).toEqual(["b0"]);
    expect(second.next).toBeUndefined();
  });

  test("go on after a key that is absent, below, or above the prefix", () => {
    const wanted: readonly (readonly [string, readonly string[]])[] = [
      ["b/15", ["b/2", "b/3"]],
      ["a", ["b/1", "b/2", "b/3"]],
      ["b/", ["b/1", "b/2", "b/3"]],
      ["c", []],
    ];
    for (const [after, keys] of wanted) {
      const page = fsm.kv.keys({ prefix: utf8("b/"), limit: 9, after: utf8(after) });
      expect(page.items.map(text)).toEqual([...keys]);
    }
  });

  test("read no row that is not on the page", () => {
    let reads = 0;
    const read: typeof kvRowFormat.read = (reader) => {
      reads += 1;
      return kvRowFormat.read(reader);
    };
    const table = new StateTable(createSortedArrayTable(), { ...kvRowFormat, read }, () => undefined);
    for (const name of ["a", "b", "c"])
      table.set(utf8(name), kvRow({ value: EMPTY_BYTES, flags: 0n, createIndex: 1, modifyIndex: 1 }));
    const queries = createKvQueries(table, new ChangeFeed({ changesMax: 1, bytesMax: 1 }));
    const keysOf = (page: KvPage<KvPair>): readonly unknown[] => page.items.map(({ key }) => text(key));
    const first = queries.list({ prefix: EMPTY_BYTES, limit: 2 });
    expect([keysOf(first), text(first.next), reads]).toEqual([["a", "b"], "b", 2]);
    const second = queries.list({ prefix: EMPTY_BYTES, limit: 1, after: utf8("b") });
    expect([keysOf(second), second.next, reads]).toEqual([["c"], undefined, 3]);
    expect([queries.keys({ prefix: EMPTY_BYTES, limit: 2 }).items.length, reads]).toEqual([2, 3]);
  });

  test("refuse a page without room", () => {
    expect(() => fsm.kv.keys({ prefix: EMPTY_BYTES, limit: 0 })).toThrow(InvariantViolation);
  });
});

describe("KvQueries.count()", () => {
  test("counts up to its maximum", () => {
    const fsm = withKeys("a", "b/1", "b/2", "c");
    expect(fsm.kv.count(utf8("b/"), 10)).toBe(2);
    expect(fsm.kv.count(utf8("b/"), 1)).toBe(1);
    expect(fsm.kv.count(utf8("x"), 10)).toBe(0);
    expect(fsm.kv.count(EMPTY_BYTES, 10)).toBe(4);
    expect(fsm.kv.count(EMPTY_BYTES, 3)).toBe(3);
  });
});

describe("KvQueries.hasChangedSince()", () => {
  test("sees sets and deletes of a key, and only of this key", () => {
    const fsm = withKeys("a", "b");
    expect(fsm.kv.hasChangedSince({ key: utf8("a") }, 1)).toBe(false);
    expect(fsm.kv.hasChangedSince({ key: utf8("b") }, 1)).toBe(true);
    applyNext(fsm, { kind: "kv-delete", key: utf8("a") });
    expect(fsm.kv.hasChangedSince({ key: utf8("a") }, 2)).toBe(true);
    expect(fsm.kv.hasChangedSince({ key: utf8("a") }, 3)).toBe(false);
    expect(fsm.kv.hasChangedSince({ key: utf8("c") }, 2)).toBe(false);
  });

  test("sees deletes under a prefix", () => {
    const fsm = withKeys("p/1", "q");
    expect(fsm.kv.hasChangedSince({ prefix: utf8("p/") }, 1)).toBe(false);
    applyNext(fsm, { kind: "kv-delete", key: utf8("p/1") });
    expect(fsm.kv.hasChangedSince({ prefix: utf8("p/") }, 2)).toBe(true);
    expect(fsm.kv.hasChangedSince({ prefix: utf8("p/") }, 3)).toBe(false);
  });

  test("an index of the future has not been passed", () => {
    const fsm = withKeys("a");
    expect(fsm.kv.hasChangedSince({ prefix: EMPTY_BYTES }, 99)).toBe(false);
    expect(fsm.kv.hasChangedSince({ key: utf8("a") }, 99)).toBe(false);
  });

  test("an index older than the change feed counts as passed, but not for a key whose row is known", () => {
    const fsm = withKeys("old", "1", "2", "3", "4", "5");
    expect(fsm.kv.hasChangedSince({ prefix: utf8("absent/") }, 1)).toBe(true);
    expect(fsm.kv.hasChangedSince({ key: utf8("absent") }, 1)).toBe(true);
    expect(fsm.kv.hasChangedSince({ prefix: utf8("absent/") }, 2)).toBe(false);
    expect(fsm.kv.hasChangedSince({ key: utf8("old") }, 1)).toBe(false);
  });

  test("never says no when the answer of a read differs (seed 5)", () => {
    const fsm = createKonsulFsm({ watchWindow: 30 });
    const scopes = ["k/1", "k/7", "k/"].map(utf8);
    const read = (scope: Uint8Array): string =>
      JSON.stringify(fsm.kv.list({ prefix: scope, limit: 100 }).items.map((i) => [text(i.key), i.row.modifyIndex]));
    const answers: string[][] = [];
    let unchanged = 0;
    for (const entry of randomLog(createPrng(5), 150)) {
      answers[fsm.appliedIndex] = scopes.map(read);
      fsm.apply(entry);
      for (const [index, then] of answers.entries()) {
        for (const [at, prefix] of scopes.entries()) {
          if (fsm.kv.hasChangedSince({ prefix }, index)) continue;
          expect(read(prefix)).toBe(then[at] ?? "none");
          unchanged++;
        }
      }
    }
    expect(unchanged).toBeGreaterThan(100);
  });
});

import { fullGC, heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { createPrng, EMPTY_BYTES, utf8 } from "../../base/index.ts";
import { createKonsulFsm, type Change, type ChangesSince, type KonsulFsm } from "../index.ts";
import { applyNext, randomLog, restoreFrom } from "../test-log.ts";

function put(fsm: KonsulFsm, name: string, size = 1): void {
  applyNext(fsm, { kind: "kv-set", key: utf8(name), value: new Uint8Array(size), flags: 0n });
}

function places(since: ChangesSince): unknown {
  return since.kind === "changes" ? since.changes.map((change) => `${change.index}.${change.sub}`) : since;
}

function withPrefixDeleted(watchWindow: number): KonsulFsm {
  const fsm = createKonsulFsm({ watchWindow });
  for (const name of ["a", "b", "c"]) put(fsm, name);
  applyNext(fsm, { kind: "kv-delete-prefix", prefix: EMPTY_BYTES, limit: 9, whenMore: "refuse" });
  return fsm;
}

describe("Changes.changesSince()", () => {
  test("goes on behind an entry, or in the middle of one", () => {
    const fsm = withPrefixDeleted(100);
    expect(places(fsm.changes.changesSince({ index: 0 }, 100))).toEqual(["1.0", "2.0", "3.0", "4.0", "4.1", "4.2"]);
    expect(places(fsm.changes.changesSince({ index: 3 }, 100))).toEqual(["4.0", "4.1", "4.2"]);
    expect(places(fsm.changes.changesSince({ index: 4, sub: 1 }, 100))).toEqual(["4.2"]);
    expect(places(fsm.changes.changesSince({ index: 4 }, 100))).toEqual([]);
    expect(places(fsm.changes.changesSince({ index: 99 }, 100))).toEqual([]);
  });

  test("gives at most its limit and says whether there are more", () => {
    const fsm = withPrefixDeleted(100);
    expect(fsm.changes.changesSince({ index: 3 }, 2)).toMatchObject({ isComplete: false });
    expect(fsm.changes.changesSince({ index: 3 }, 3)).toMatchObject({ isComplete: true });
  });

  test("says compacted instead of leaving a gap, also in the middle of an entry", () => {
    const fsm = withPrefixDeleted(2);
    expect(fsm.changes.size).toBe(2);
    expect(fsm.changes.changesSince({ index: 3 }, 100)).toEqual({ kind: "compacted", oldest: 4 });
    expect(places(fsm.changes.changesSince({ index: 4, sub: 0 }, 100))).toEqual(["4.1", "4.2"]);
  });

  test("keeps no more bytes than allowed", () => {
    const fsm = createKonsulFsm({ watchWindowBytes: 3000 });
    for (let i = 0; i < 50; i++) put(fsm, "key", 1000);
    expect(fsm.changes.size).toBe(2);
    expect(fsm.changes.sizeBytes).toBeLessThanOrEqual(3000);
    put(fsm, "key", 5000);
    expect(fsm.changes.size).toBe(0);
    expect(fsm.changes.sizeBytes).toBe(0);
    expect(fsm.changes.changesSince({ index: 50 }, 9)).toEqual({ kind: "compacted", oldest: 51 });
    expect(places(fsm.changes.changesSince({ index: 51 }, 9))).toEqual([]);
  });

  test("holds on to no value that was dropped, however large", () => {
    const fsm = createKonsulFsm({ watchWindowBytes: 1 << 20 });
    fullGC();
    const before = heapStats().extraMemorySize;
    for (let i = 0; i < 500; i++) put(fsm, "key", 1 << 16);
    fullGC();
    expect(heapStats().extraMemorySize - before).toBeLessThan(1 << 22);
    expect(fsm.changes.size).toBeGreaterThan(0);
  });

  test("keeps exactly the window over many changes", () => {
    const fsm = createKonsulFsm({ watchWindow: 700 });
    for (let i = 0; i < 3000; i++) put(fsm, `key/${i % 7}`);
    expect(fsm.changes.size).toBe(700);
    expect(fsm.changes.changesSince({ index: 2299 }, 1000)).toMatchObject({ kind: "compacted", oldest: 2301 });
    const since = fsm.changes.changesSince({ index: 2300 }, 1000);
    expect(since).toMatchObject({ kind: "changes", isComplete: true });
    expect(since.kind === "changes" ? since.changes.map((change) => change.index) : []).toEqual(
      Array.from({ length: 700 }, (_, i) => 2301 + i),
    );
  });
});

describe("Changes.onChange()", () => {
  test("tells each change once the entry is applied, until it is ended", () => {
    const fsm = createKonsulFsm();
    const seen: [Change, number][] = [];
    const end = fsm.changes.onChange((change) => seen.push([change, fsm.appliedIndex]));
    put(fsm, "a");
    applyNext(fsm, { kind: "kv-delete", key: utf8("absent") });
    applyNext(fsm, { kind: "kv-delete", key: utf8("a") });
    end();
    put(fsm, "b");
    const row = { value: new Uint8Array(1), flags: 0n, createIndex: 1, modifyIndex: 1 };
    expect(seen).toEqual([
      [{ index: 1, sub: 0, kind: "put", table: "kv", key: utf8("a"), row }, 1],
      [{ index: 3, sub: 0, kind: "delete", table: "kv", key: utf8("a") }, 3],
    ]);
    expect(seen.every(([change]) => Object.isFrozen(change))).toBe(true);
  });

  test("tells everything even when the window is smaller than one entry", () => {
    const fsm = createKonsulFsm({ watchWindow: 1 });
    const seen: string[] = [];
    fsm.changes.onChange((change) => seen.push(`${change.index}.${change.sub}`));
    for (const name of ["a", "b"]) put(fsm, name);
    applyNext(fsm, { kind: "kv-delete-prefix", prefix: EMPTY_BYTES, limit: 9, whenMore: "refuse" });
    expect(seen).toEqual(["1.0", "2.0", "3.0", "3.1"]);
  });

  test("a restore is one reset, and what was before it is compacted", () => {
    const source = withPrefixDeleted(100);
    const fsm = createKonsulFsm();
    put(fsm, "other");
    const seen: Change[] = [];
    fsm.changes.onChange((change) => seen.push(change));
    restoreFrom(fsm, source);
    expect(seen).toEqual([{ kind: "reset", index: 4, sub: 0 }]);
    expect(fsm.changes.changesSince({ index: 3 }, 9)).toEqual({ kind: "compacted", oldest: 4 });
    expect(fsm.changes.changesSince({ index: 4, sub: 0 }, 9)).toMatchObject({ kind: "compacted" });
    expect(places(fsm.changes.changesSince({ index: 4 }, 9))).toEqual([]);
    expect(fsm.kv.hasChangedSince({ prefix: utf8("x") }, 3)).toBe(true);
    put(fsm, "new");
    expect(places(fsm.changes.changesSince({ index: 4 }, 9))).toEqual(["5.0"]);
  });

  test("whoever follows the changes ends with the state (seed 21)", () => {
    const fsm = createKonsulFsm();
    const copy = new Map<string, number>();
    fsm.changes.onChange((change) => {
      if (change.kind === "reset") copy.clear();
      else if (change.kind === "put") copy.set(Buffer.from(change.key).toString("hex"), change.row.modifyIndex);
      else expect(copy.delete(Buffer.from(change.key).toString("hex"))).toBe(true);
    });
    for (const entry of randomLog(createPrng(21), 500)) fsm.apply(entry);
    const all = fsm.kv.list({ prefix: EMPTY_BYTES, limit: 1000 }).items;
    const wanted = new Map(all.map((item) => [Buffer.from(item.key).toString("hex"), item.row.modifyIndex] as const));
    expect(copy).toEqual(wanted);
    expect(copy.size).toBeGreaterThan(3);
  });
});

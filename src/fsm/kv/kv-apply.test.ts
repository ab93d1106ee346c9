import { describe, expect, test } from "bun:test";
import { EMPTY_BYTES, utf8 } from "../../base/index.ts";
import { createKonsulFsm, type FsmResult, type KonsulFsm } from "../index.ts";
import { commandEntry, applyNext } from "../test-log.ts";

const key = utf8("k");

function set(fsm: KonsulFsm, name: string, cas?: number): FsmResult {
  const value = utf8(`value of ${name}`);
  return applyNext(fsm, { kind: "kv-set", key: utf8(name), value, flags: 3n, ...(cas === undefined ? {} : { cas }) });
}

function withKeys(...names: readonly string[]): KonsulFsm {
  const fsm = createKonsulFsm();
  for (const name of names) set(fsm, name);
  return fsm;
}

function keysOf(fsm: KonsulFsm): readonly string[] {
  return fsm.kv.keys({ prefix: EMPTY_BYTES, limit: 1000 }).items.map((item) => Buffer.from(item).toString());
}

describe("kv-set", () => {
  test("stamps a new key with its index, and keeps the create index of an old one", () => {
    const fsm = withKeys("k");
    expect(set(fsm, "k")).toEqual({ kind: "kv-set", modifyIndex: 2, createIndex: 1 });
    expect(fsm.kv.get(key)).toEqual({ value: utf8("value of k"), flags: 3n, createIndex: 1, modifyIndex: 2 });
  });

  test("makes a new key of a deleted one", () => {
    const fsm = withKeys("k");
    applyNext(fsm, { kind: "kv-delete", key });
    expect(set(fsm, "k")).toEqual({ kind: "kv-set", modifyIndex: 3, createIndex: 3 });
  });

  test("with cas 0 sets an absent key only", () => {
    const fsm = createKonsulFsm();
    expect(set(fsm, "k", 0)).toEqual({ kind: "kv-set", modifyIndex: 1, createIndex: 1 });
    expect(set(fsm, "k", 0)).toEqual({ kind: "cas-conflict", modifyIndex: 1 });
  });

  test("with cas sets only what has this modify index", () => {
    const fsm = withKeys("k");
    expect(set(fsm, "k", 7)).toEqual({ kind: "cas-conflict", modifyIndex: 1 });
    expect(fsm.kv.get(key)?.modifyIndex).toBe(1);
    expect(set(fsm, "k", 1)).toEqual({ kind: "kv-set", modifyIndex: 3, createIndex: 1 });
    expect(set(fsm, "absent", 1)).toEqual({ kind: "cas-conflict", modifyIndex: 0 });
  });

  test("holds rows that nobody can change, and that share no memory with the entry", () => {
    const fsm = createKonsulFsm();
    const entry = commandEntry(1, { kind: "kv-set", key, value: utf8("v"), flags: 1n });
    fsm.apply(entry);
    entry.data.fill(0);
    const row = fsm.kv.get(key);
    expect(row?.value).toEqual(utf8("v"));
    expect(Object.isFrozen(row)).toBe(true);
  });
});

describe("kv-delete", () => {
  test("deletes a key that is there", () => {
    const fsm = withKeys("a", "k");
    expect(applyNext(fsm, { kind: "kv-delete", key })).toEqual({ kind: "kv-delete", modifyIndex: 3 });
    expect(keysOf(fsm)).toEqual(["a"]);
  });

  test("of an absent key is not-found, with cas too", () => {
    const fsm = createKonsulFsm();
    expect(applyNext(fsm, { kind: "kv-delete", key })).toEqual({ kind: "not-found" });
    expect(applyNext(fsm, { kind: "kv-delete", key, cas: 0 })).toEqual({ kind: "not-found" });
  });

  test("with cas deletes only what has this modify index", () => {
    const fsm = withKeys("k");
    expect(applyNext(fsm, { kind: "kv-delete", key, cas: 0 })).toEqual({ kind: "cas-conflict", modifyIndex: 1 });
    expect(applyNext(fsm, { kind: "kv-delete", key, cas: 1 })).toEqual({ kind: "kv-delete", modifyIndex: 4 - 1 });
  });
});

describe("kv-delete-prefix", () => {
  const names = ["a", "b/1", "b/2", "b/3", "b0"];

  test("deletes what starts with the prefix and nothing else", () => {
    const fsm = withKeys(...names);
    const command = { kind: "kv-delete-prefix", prefix: utf8("b/"), limit: 3, whenMore: "refuse" } as const;
    expect(applyNext(fsm, command)).toEqual({ kind: "kv-delete-prefix", deleted: 3, more: false, modifyIndex: 6 });
    expect(keysOf(fsm)).toEqual(["a", "b0"]);
    expect(applyNext(fsm, command)).toMatchObject({ deleted: 0, more: false });
  });

  test("above its limit refuses and changes nothing", () => {
    const fsm = withKeys(...names);
    const before = fsm.stateHash();
    const result = applyNext(fsm, { kind: "kv-delete-prefix", prefix: utf8("b"), limit: 3, whenMore: "refuse" });
    expect(result).toEqual({ kind: "too-many", limit: 3 });
    expect(fsm.stateHash()).toBe(before);
  });

  test("in slices deletes the first keys and says that there are more", () => {
    const fsm = withKeys(...names);
    const command = { kind: "kv-delete-prefix", prefix: utf8("b"), limit: 3, whenMore: "slice" } as const;
    expect(applyNext(fsm, command)).toMatchObject({ kind: "kv-delete-prefix", deleted: 3, more: true });
    expect(keysOf(fsm)).toEqual(["a", "b0"]);
    expect(applyNext(fsm, command)).toMatchObject({ deleted: 1, more: false });
  });

  test("an empty prefix covers every key, one of 0xff bytes those at the very end", () => {
    const fsm = withKeys(...names);
    const last = { kind: "kv-set", key: Uint8Array.of(0xff, 0xff, 1), value: EMPTY_BYTES, flags: 0n } as const;
    applyNext(fsm, last);
    const command = { kind: "kv-delete-prefix", limit: 100, whenMore: "refuse" } as const;
    expect(applyNext(fsm, { ...command, prefix: Uint8Array.of(0xff, 0xff) })).toMatchObject({ deleted: 1 });
    expect(applyNext(fsm, { ...command, prefix: EMPTY_BYTES })).toMatchObject({ deleted: 5 });
    expect(fsm.keyCount()).toBe(0);
  });
});

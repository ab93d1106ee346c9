import { describe, expect, test } from "bun:test";
import { utf8 } from "../../base/index.ts";
import { createKonsulFsm, type Change, type FsmResult, type KonsulFsm, type KvOperation } from "../index.ts";
import { applyNext } from "../test-log.ts";

const a = utf8("a");
const b = utf8("b");
const one = utf8("1");
const two = utf8("2");

function txn(fsm: KonsulFsm, ...operations: readonly KvOperation[]): FsmResult {
  return applyNext(fsm, { kind: "kv-txn", operations });
}

function withA(): KonsulFsm {
  const fsm = createKonsulFsm();
  applyNext(fsm, { kind: "kv-set", key: a, value: one, flags: 0n });
  return fsm;
}

describe("kv-txn", () => {
  test("gives the results in order", () => {
    const fsm = withA();
    const result = txn(
      fsm,
      { op: "check-index", key: a, index: 1 },
      { op: "get", key: a },
      { op: "set", key: b, value: two, flags: 9n },
      { op: "delete", key: a },
      { op: "delete", key: utf8("absent") },
    );
    expect(result).toEqual({
      kind: "kv-txn",
      modifyIndex: 2,
      results: [
        { op: "check-index", key: a, modifyIndex: 1 },
        { op: "get", key: a, row: { value: one, flags: 0n, createIndex: 1, modifyIndex: 1 } },
        { op: "set", key: b, row: { value: two, flags: 9n, createIndex: 2, modifyIndex: 2 } },
        { op: "delete", key: a, existed: true },
        { op: "delete", key: utf8("absent"), existed: false },
      ],
    });
    expect(fsm.kv.get(a)).toBeUndefined();
    expect(fsm.kv.get(b)?.value).toEqual(two);
  });

  test("takes no two keys for one, whatever their bytes are", () => {
    const fsm = createKonsulFsm();
    const single = Array.from({ length: 120 }, (_, at) => new Uint8Array([136 + at]));
    const marked = [[0xef, 0xbb, 0xbf, 97], [97], [0xff, 0xfe, 97], [0xc3, 0xa9]].map((key) => new Uint8Array(key));
    const keys = [...single, ...marked];
    txn(fsm, ...keys.map((key): KvOperation => ({ op: "set", key, value: key, flags: 0n })));
    expect(fsm.keyCount()).toBe(keys.length);
    expect(keys.map((key) => fsm.kv.get(key)?.value)).toEqual(keys);
  });

  test("changes nothing when one operation fails, and names every error", () => {
    const fsm = withA();
    const before = fsm.stateHash();
    const seen: Change[] = [];
    fsm.changes.onChange((change) => seen.push(change));
    const result = txn(
      fsm,
      { op: "set", key: b, value: two, flags: 0n },
      { op: "get", key: utf8("absent") },
      { op: "check-index", key: a, index: 0 },
      { op: "delete", key: a },
    );
    expect(result).toEqual({
      kind: "kv-txn-failed",
      errors: [
        { operation: 1, kind: "not-found", key: utf8("absent") },
        { operation: 2, kind: "cas-conflict", key: a, modifyIndex: 1 },
      ],
    });
    expect(fsm.stateHash()).toBe(before);
    expect(fsm.kv.get(b)).toBeUndefined();
    expect(seen).toEqual([]);
  });

  test("an operation sees what those before it did", () => {
    const fsm = withA();
    const result = txn(
      fsm,
      { op: "delete", key: a },
      { op: "check-index", key: a, index: 0 },
      { op: "set", key: a, value: two, flags: 0n },
      { op: "check-index", key: a, index: 2 },
      { op: "get", key: a },
    );
    expect(result).toMatchObject({ kind: "kv-txn" });
    expect(fsm.kv.get(a)).toEqual({ value: two, flags: 0n, createIndex: 2, modifyIndex: 2 });
  });

  test("each touched key changes once, in the order of the first touch; what comes and goes not at all", () => {
    const fsm = withA();
    const seen: Change[] = [];
    fsm.changes.onChange((change) => seen.push(change));
    txn(
      fsm,
      { op: "set", key: b, value: one, flags: 0n },
      { op: "delete", key: a },
      { op: "set", key: utf8("c"), value: one, flags: 0n },
      { op: "set", key: b, value: two, flags: 0n },
      { op: "delete", key: utf8("c") },
    );
    const row = { value: two, flags: 0n, createIndex: 2, modifyIndex: 2 };
    expect(seen).toEqual([
      { index: 2, sub: 0, kind: "put", table: "kv", key: b, row },
      { index: 2, sub: 1, kind: "delete", table: "kv", key: a },
    ]);
  });
});

import { describe, expect, test } from "bun:test";
import { createPrng, EMPTY_BYTES, InvariantViolation, utf8 } from "../base/index.ts";
import { createKonsulFsm, UndecodableCommand, type KonsulFsm } from "./index.ts";
import { createSortedArrayTable } from "./table/sorted-array-table.ts";
import { randomLogOfAll } from "./test-commands.ts";
import { applyNext, drain, randomLog, restoreFrom } from "./test-log.ts";

const SEED = 20_261_124;

function put(fsm: KonsulFsm, key: string, value: string): void {
  applyNext(fsm, { kind: "kv-set", key: utf8(key), value: utf8(value), flags: 0n });
}

function snapshotOf(fsm: KonsulFsm): string {
  const { bytes, hash } = drain(fsm.freeze());
  return `${hash} ${Buffer.from(bytes).toString("hex")}`;
}

describe("KonsulFsm.apply()", () => {
  test("entries that are no commands advance index and time only, whatever their data", () => {
    const fsm = createKonsulFsm();
    put(fsm, "a", "1");
    const before = fsm.stateHash();
    for (const kind of ["noop", "membership", "check"] as const) {
      const index = fsm.appliedIndex + 1;
      expect(fsm.apply({ index, kind, time: 100, data: utf8("junk") })).toEqual({ kind: "applied" });
    }
    expect(fsm.appliedIndex).toBe(4);
    expect(fsm.appliedTime).toBe(100);
    expect(fsm.stateHash()).toBe(before);
    expect(fsm.keyCount()).toBe(1);
  });

  test("an entry that cannot be decoded throws by name and changes nothing", () => {
    const fsm = createKonsulFsm();
    put(fsm, "a", "1");
    const before = snapshotOf(fsm);
    expect(() => fsm.apply({ index: 2, kind: "command", time: 20, data: utf8("junk") })).toThrow(UndecodableCommand);
    expect(() => fsm.apply({ index: 2, kind: "command", time: 20, data: EMPTY_BYTES })).toThrow("Cannot apply entry 2");
    expect(snapshotOf(fsm)).toBe(before);
    put(fsm, "b", "2");
    expect(fsm.appliedIndex).toBe(2);
  });

  test("a gap, a repetition and a time that goes back are broken invariants", () => {
    const fsm = createKonsulFsm();
    const noop = { kind: "noop", data: EMPTY_BYTES } as const;
    fsm.apply({ ...noop, index: 1, time: 10 });
    expect(() => fsm.apply({ ...noop, index: 3, time: 20 })).toThrow(InvariantViolation);
    expect(() => fsm.apply({ ...noop, index: 1, time: 20 })).toThrow(InvariantViolation);
    expect(() => fsm.apply({ ...noop, index: 2, time: 9 })).toThrow(InvariantViolation);
  });
});

describe("KonsulFsm against itself", () => {
  test(`restoring any prefix of a log and applying the rest equals applying all (seed ${SEED})`, () => {
    const log = randomLog(createPrng(SEED), 120);
    const whole = createKonsulFsm();
    const results = log.map((entry) => whole.apply(entry));
    const wanted = snapshotOf(whole);
    const source = createKonsulFsm();
    for (let size = 0; size <= log.length; size++) {
      const copy = createKonsulFsm({ tables: createSortedArrayTable });
      put(copy, "to be", "forgotten");
      restoreFrom(copy, source, 1 + (size % 97));
      expect(copy.appliedIndex).toBe(size);
      expect(copy.stateHash()).toBe(source.stateHash());
      expect(copy.stateBytes()).toBe(source.stateBytes());
      const rest = log.slice(size).map((entry) => copy.apply(entry));
      expect(rest).toEqual(results.slice(size));
      expect(snapshotOf(copy)).toBe(wanted);
      const next = log[size];
      if (next !== undefined) source.apply(next);
    }
    expect(whole.keyCount()).toBeGreaterThan(3);
    const kinds = new Set<string>(results.map((result) => result.kind));
    const all = ["kv-set", "kv-delete", "kv-delete-prefix", "kv-txn", "kv-txn-failed", "cas-conflict", "not-found"];
    expect([...kinds].toSorted()).toEqual([...all, "too-many", "applied"].toSorted());
  });

  test(`the same with commands of every domain: equal results, bytes and hashes (seed ${SEED + 2})`, () => {
    const log = randomLogOfAll(createPrng(SEED + 2), 400);
    const whole = createKonsulFsm();
    const results = log.map((entry) => whole.apply(entry));
    const wanted = snapshotOf(whole);
    const source = createKonsulFsm();
    for (const [size, next] of log.entries()) {
      if (size % 7 === 0) {
        const copy = createKonsulFsm({ tables: createSortedArrayTable });
        restoreFrom(copy, source, 1 + (size % 97));
        expect(copy.stateHash()).toBe(source.stateHash());
        expect(log.slice(size).map((entry) => copy.apply(entry))).toEqual(results.slice(size));
        expect(snapshotOf(copy)).toBe(wanted);
        expect(copy.stateHash()).toBe(whole.stateHash());
      }
      source.apply(next);
    }
    expect(source.stateHash()).toBe(whole.stateHash());
    const kinds = new Set<string>(results.map((result) => result.kind));
    for (const kind of [
      "service-registered",
      "service-status-set",
      "session-destroyed",
      "lock-acquired",
      "lock-released",
      "lock-held",
      "lock-delayed",
      "acl-changed",
      "acl-bootstrapped",
      "settings-changed",
      "once-mismatch",
    ]) {
      expect([...kinds]).toContain(kind);
    }
  });

  test(`the B+ tree and the sorted array give the same results and bytes (seed ${SEED + 1})`, () => {
    const log = randomLog(createPrng(SEED + 1), 600);
    const tree = createKonsulFsm();
    const array = createKonsulFsm({ tables: createSortedArrayTable });
    for (const entry of log) {
      expect(tree.apply(entry)).toEqual(array.apply(entry));
      expect(tree.stateHash()).toBe(array.stateHash());
    }
    expect(snapshotOf(tree)).toBe(snapshotOf(array));
  });

  test("sizes count keys, values and a fixed part a row, and return to zero", () => {
    const fsm = createKonsulFsm();
    put(fsm, "abc", "12345");
    const one = fsm.stateBytes();
    put(fsm, "abc", "1234567");
    expect(fsm.stateBytes()).toBe(one + 2);
    put(fsm, "x", "");
    expect(fsm.keyCount()).toBe(2);
    applyNext(fsm, { kind: "kv-delete-prefix", prefix: EMPTY_BYTES, limit: 10, whenMore: "refuse" });
    expect(fsm.stateBytes()).toBe(0);
    expect(fsm.keyCount()).toBe(0);
    expect(fsm.stateHash()).toBe("0000000000000000");
  });
});

import { describe, expect, test } from "bun:test";
import { createPrng, utf8 } from "../../base/index.ts";
import {
  createKonsulFsm,
  decodeCommand,
  encodeCommand,
  InvalidCommand,
  type Command,
  type FsmResult,
  type KonsulFsm,
} from "../index.ts";
import { goldenProblems } from "../golden-bytes.ts";
import { applyNext, drain, randomLog, restoreFrom } from "../test-log.ts";

const HASH = "0123456789abcdef";

const GOLDEN: readonly (readonly [Command, string])[] = [
  [{ kind: "restore-begin", id: "r" }, "01 60 01000000 72"],
  [{ kind: "restore-chunk", id: "r", number: 1, bytes: utf8("x") }, "01 61 01000000 72 01000000 01000000 78"],
  [
    { kind: "restore-commit", id: "r", chunks: 2, index: 3, time: 4, stateHash: HASH, hashVersion: 1 },
    `01 62 01000000 72 02000000 0300000000000000 0400000000000000 10000000 ${Buffer.from(HASH).toString("hex")} 01`,
  ],
  [{ kind: "restore-abort", id: "r" }, "01 63 01000000 72"],
];

describe("commands of a restore", () => {
  for (const [command, golden] of GOLDEN) {
    test(`the bytes of ${command.kind} are those of version 1, and no other bytes are taken`, () => {
      expect(goldenProblems(command, golden)).toEqual([]);
      expect(decodeCommand(encodeCommand(command))).toEqual(command);
    });
  }

  test("with a field out of its bounds are refused before they are proposed", () => {
    expect(() => encodeCommand({ kind: "restore-begin", id: "a b" })).toThrow(InvalidCommand);
    expect(() => encodeCommand({ kind: "restore-chunk", id: "a", number: 0, bytes: utf8("") })).toThrow(InvalidCommand);
  });
});

function backupOf(fsm: KonsulFsm): { readonly parts: readonly Uint8Array[]; readonly commit: (id: string) => Command } {
  const frozen = fsm.freeze();
  const parts: Uint8Array[] = [];
  for (let part = frozen.next(300); part !== undefined; part = frozen.next(300)) parts.push(part.slice());
  const { stateHash, hashVersion, moment } = frozen;
  frozen.release();
  const claim = { chunks: parts.length, ...moment, stateHash, hashVersion };
  return { parts, commit: (id) => ({ kind: "restore-commit", id, ...claim }) };
}

function bringIn(fsm: KonsulFsm, id: string, { parts, commit }: ReturnType<typeof backupOf>): FsmResult {
  applyNext(fsm, { kind: "restore-begin", id });
  for (const [number, bytes] of parts.entries()) applyNext(fsm, { kind: "restore-chunk", id, number, bytes });
  return applyNext(fsm, commit(id));
}

function filled(seed: number): KonsulFsm {
  const fsm = createKonsulFsm();
  for (const entry of randomLog(createPrng(seed), 150)) fsm.apply(entry);
  applyNext(fsm, {
    kind: "session-create",
    id: "s",
    terms: { name: "", ttlMs: 0, behavior: "release", lockDelayMs: 0 },
  });
  applyNext(fsm, { kind: "lock-acquire", key: utf8("lock"), value: utf8("v"), flags: 1n, session: "s" });
  applyNext(fsm, { kind: "acl-bootstrap", accessor: "a", secretHash: HASH.repeat(4), resetIndex: 0 });
  return fsm;
}

describe("a restore", () => {
  test("replaces everything at its commit, stamped with its index, without sessions and locks, and says reset", () => {
    const [source, target] = [filled(1), filled(2)];
    const heard: string[] = [];
    target.changes.onChange(({ kind }) => heard.push(kind));
    const result = bringIn(target, "r", backupOf(source));
    const index = target.appliedIndex;
    expect(result).toMatchObject({ kind: "restore-done", modifyIndex: index, keys: source.keyCount() });
    const [own, other] = [target, source].map((fsm) => fsm.kv.list({ prefix: utf8(""), limit: 1000 }).items);
    expect(own?.map(({ key, row }) => [key, row.value, row.flags])).toEqual(
      other?.map(({ key, row }) => [key, row.value, row.flags]) ?? [],
    );
    expect(
      own?.every(({ row }) => row.modifyIndex === index && row.createIndex === index && row.lock === undefined),
    ).toBe(true);
    expect([target.sessions.count, target.sessions.keysOf("s")]).toEqual([0, []]);
    expect(target.acl.identify(HASH.repeat(4))?.accessor).toBe("a");
    expect(heard).toEqual(["reset"]);
    expect(target.changes.changesSince({ index: index - 1 }, 10)).toMatchObject({ kind: "compacted" });
  });

  test("that is damaged, cut short or overtaken changes nothing", () => {
    const [source, target] = [filled(3), filled(4)];
    const before = target.kv.list({ prefix: utf8(""), limit: 1000 });
    const backup = backupOf(source);
    const [first = utf8("x"), ...rest] = backup.parts;
    const flipped = first.slice();
    flipped[40] = (flipped[40] ?? 0) ^ 1;
    expect(bringIn(target, "r", { ...backup, parts: [flipped, ...rest] })).toMatchObject({ kind: "restore-refused" });
    expect(bringIn(target, "r", { ...backup, parts: backup.parts.slice(1) })).toMatchObject({
      kind: "restore-refused",
    });
    applyNext(target, { kind: "restore-begin", id: "one" });
    applyNext(target, { kind: "restore-begin", id: "two" });
    expect(applyNext(target, { kind: "restore-chunk", id: "one", number: 0, bytes: first })).toMatchObject({
      reason: "another restore took its place",
    });
    expect(applyNext(target, { kind: "restore-chunk", id: "two", number: 1, bytes: first })).toMatchObject({
      reason: "part 0 is missing",
    });
    expect(applyNext(target, { kind: "restore-abort", id: "two" })).toEqual({ kind: "restore-staged" });
    expect(applyNext(target, backup.commit("two"))).toMatchObject({ kind: "restore-refused" });
    expect(target.kv.list({ prefix: utf8(""), limit: 1000 })).toEqual(before);
  });

  test("that is half done is in a snapshot, and goes on from there to the same bytes", () => {
    const backup = backupOf(filled(5));
    const whole = filled(6);
    bringIn(whole, "r", backup);
    for (const cut of [0, 1, backup.parts.length]) {
      const first = filled(6);
      applyNext(first, { kind: "restore-begin", id: "r" });
      for (const [number, bytes] of backup.parts.slice(0, cut).entries())
        applyNext(first, { kind: "restore-chunk", id: "r", number, bytes });
      const second = createKonsulFsm();
      restoreFrom(second, first);
      for (const [at, bytes] of backup.parts.slice(cut).entries())
        applyNext(second, { kind: "restore-chunk", id: "r", number: cut + at, bytes });
      applyNext(second, backup.commit("r"));
      expect(Buffer.from(drain(second.freeze()).bytes).equals(drain(whole.freeze()).bytes)).toBe(true);
    }
  });
});

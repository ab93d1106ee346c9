import { describe, expect, test } from "bun:test";
import { createPrng, EMPTY_BYTES, fromUtf8, utf8 } from "../../base/index.ts";
import {
  createKonsulFsm,
  decodeCommand,
  encodeCommand,
  InvalidCommand,
  type Command,
  type FsmResult,
  type KonsulFsm,
  type SessionTerms,
} from "../index.ts";
import { goldenProblems } from "../golden-bytes.ts";
import { applyNext, drain, restoreFrom } from "../test-log.ts";

const TERMS: SessionTerms = { name: "", ttlMs: 10_000, behavior: "release", lockDelayMs: 0 };
const key = utf8("k");

const GOLDEN: readonly (readonly [Command, string])[] = [
  [
    { kind: "session-create", id: "s", terms: { name: "n", ttlMs: 258, behavior: "delete", lockDelayMs: 1 } },
    "01 30 01000000 73 01000000 6e 0201000000000000 01 0100000000000000",
  ],
  [{ kind: "session-destroy", id: "s" }, "01 31 01000000 73"],
  [
    { kind: "lock-acquire", key, value: utf8("v"), flags: 3n, session: "s" },
    "01 32 01000000 73 01000000 6b 0300000000000000 01000000 76",
  ],
  [
    { kind: "lock-release", key, value: EMPTY_BYTES, flags: 0n, session: "s" },
    "01 33 01000000 73 01000000 6b 0000000000000000 00000000",
  ],
];

describe("commands of sessions and locks", () => {
  for (const [command, golden] of GOLDEN) {
    test(`the bytes of ${command.kind} are those of version 1, and no other bytes are taken`, () => {
      expect(goldenProblems(command, golden)).toEqual([]);
      expect(decodeCommand(encodeCommand(command))).toEqual(command);
    });
  }

  test("with a field out of its bounds are refused before they are proposed", () => {
    const wrong: Command[] = [
      { kind: "session-create", id: "", terms: TERMS },
      { kind: "session-create", id: "x".repeat(65), terms: TERMS },
      { kind: "session-create", id: "s", terms: { ...TERMS, ttlMs: -1 } },
      { kind: "session-create", id: "s", terms: { ...TERMS, lockDelayMs: 1e12 } },
      { kind: "lock-acquire", key: EMPTY_BYTES, value: key, flags: 0n, session: "s" },
      { kind: "lock-release", key, value: key, flags: -1n, session: "s" },
    ];
    for (const command of wrong) expect(() => encodeCommand(command)).toThrow(InvalidCommand);
  });
});

function withSessions(terms: Partial<SessionTerms> = {}): KonsulFsm {
  const fsm = createKonsulFsm();
  for (const id of ["a", "b"]) applyNext(fsm, { kind: "session-create", id, terms: { ...TERMS, ...terms } });
  return fsm;
}

function acquire(fsm: KonsulFsm, session: string, name = "k"): FsmResult {
  return applyNext(fsm, { kind: "lock-acquire", key: utf8(name), value: utf8(session), flags: 0n, session });
}

function release(fsm: KonsulFsm, session: string): FsmResult {
  return applyNext(fsm, { kind: "lock-release", key, value: EMPTY_BYTES, flags: 0n, session });
}

describe("a lock", () => {
  test("has one holder, who may write again and keeps its token; the next one has a higher token", () => {
    const fsm = withSessions();
    expect(acquire(fsm, "a")).toEqual({ kind: "lock-acquired", modifyIndex: 3, lockIndex: 3 });
    expect(acquire(fsm, "b")).toEqual({ kind: "lock-held", session: "a" });
    expect(acquire(fsm, "a")).toEqual({ kind: "lock-acquired", modifyIndex: 5, lockIndex: 3 });
    expect(release(fsm, "b")).toEqual({ kind: "lock-held", session: "a" });
    expect(release(fsm, "a")).toEqual({ kind: "lock-released", modifyIndex: 7, lockIndex: 3 });
    expect(release(fsm, "a")).toEqual({ kind: "lock-held", session: "" });
    expect(acquire(fsm, "b")).toEqual({ kind: "lock-acquired", modifyIndex: 9, lockIndex: 9 });
    expect(acquire(fsm, "nobody")).toEqual({ kind: "session-not-found" });
  });

  test("keeps its holder when somebody writes the key, and its token rises when the key was deleted", () => {
    const fsm = withSessions();
    acquire(fsm, "a");
    applyNext(fsm, { kind: "kv-set", key, value: utf8("x"), flags: 0n });
    applyNext(fsm, { kind: "kv-txn", operations: [{ op: "set", key, value: utf8("y"), flags: 0n }] });
    expect(fsm.kv.get(key)?.lock).toEqual({ session: "a", index: 3 });
    applyNext(fsm, { kind: "kv-delete", key });
    expect(fsm.sessions.keysOf("a")).toEqual([]);
    expect(acquire(fsm, "b")).toMatchObject({ kind: "lock-acquired", lockIndex: 7 });
  });

  test("is given back when its session ends, or its key goes, as the session wants it", () => {
    const releasing = withSessions();
    acquire(releasing, "a");
    acquire(releasing, "a", "l");
    expect(applyNext(releasing, { kind: "session-destroy", id: "a" })).toEqual({ kind: "session-destroyed", locks: 2 });
    expect(releasing.kv.get(key)).toMatchObject({ value: utf8("a"), modifyIndex: 5, lock: { session: "", index: 3 } });
    expect(applyNext(releasing, { kind: "session-destroy", id: "a" })).toEqual({ kind: "session-not-found" });
    const deleting = withSessions({ behavior: "delete" });
    acquire(deleting, "a");
    applyNext(deleting, { kind: "session-destroy", id: "a" });
    expect(deleting.keyCount()).toBe(0);
  });

  test("is nobody's until the lock delay is over in cluster time, but not after a plain release", () => {
    const fsm = withSessions({ lockDelayMs: 25 });
    acquire(fsm, "a");
    release(fsm, "a");
    expect(acquire(fsm, "a")).toMatchObject({ kind: "lock-acquired" });
    applyNext(fsm, { kind: "session-destroy", id: "a" });
    // Each entry is 10 ms after the one before.
    expect(acquire(fsm, "b")).toEqual({ kind: "lock-delayed", remainingMs: 15 });
    expect(acquire(fsm, "b")).toEqual({ kind: "lock-delayed", remainingMs: 5 });
    expect(acquire(fsm, "b")).toMatchObject({ kind: "lock-acquired" });
  });
});

test("a snapshot of any prefix of the log and the rest of it give the same state, holders included", () => {
  const prng = createPrng(11);
  const commands = Array.from({ length: 150 }, (): Command => {
    const id = prng.pick(["a", "b", "c"]);
    const one = { key: utf8(prng.pick(["x", "y", "z"])), value: utf8(id), flags: 0n };
    const kind = prng.pick([
      "create",
      "create",
      "destroy",
      "acquire",
      "acquire",
      "acquire",
      "release",
      "delete",
    ] as const);
    const behavior = prng.pick(["release", "delete"] as const);
    if (kind === "create") return { kind: "session-create", id, terms: { ...TERMS, behavior, lockDelayMs: 40 } };
    if (kind === "destroy") return { kind: "session-destroy", id };
    if (kind === "delete") return { kind: "kv-delete", key: one.key };
    return { kind: kind === "acquire" ? "lock-acquire" : "lock-release", ...one, session: id };
  });
  const whole = createKonsulFsm();
  const results = commands.map((command) => applyNext(whole, command));
  expect(new Set(results.map(({ kind }) => kind)).size).toBeGreaterThan(7);
  for (let cut = 0; cut <= commands.length; cut += 7) {
    const first = createKonsulFsm();
    for (const command of commands.slice(0, cut)) applyNext(first, command);
    const second = createKonsulFsm();
    restoreFrom(second, first);
    for (const command of commands.slice(cut)) applyNext(second, command);
    expect(Buffer.from(drain(second.freeze()).bytes).equals(drain(whole.freeze()).bytes)).toBe(true);
    for (const id of ["a", "b", "c"])
      expect(second.sessions.keysOf(id).map(fromUtf8)).toEqual(whole.sessions.keysOf(id).map(fromUtf8));
  }
});

import { describe, expect, test } from "bun:test";
import { createPrng, utf8 } from "../../base/index.ts";
import { createKonsulFsm, decodeCommand, encodeCommand, UndecodableCommand, type Command } from "../index.ts";
import { commandEntry, drain, restoreFrom } from "../test-log.ts";

const HOUR_MS = 3_600_000;

function once(key: string, command: Command): Command {
  return { kind: "once", key, command: encodeCommand(command) };
}

function put(value: string): Command {
  return { kind: "kv-set", key: utf8("k"), value: utf8(value), flags: 7n };
}

test("the bytes of once are those of version 1, around those of the inner command", () => {
  const inner = encodeCommand(put("v"));
  const bytes = encodeCommand(once("c", put("v")));
  const size = inner.length.toString(16).padStart(2, "0");
  expect(Buffer.from(bytes).toString("hex")).toBe(`01700100000063${size}000000${Buffer.from(inner).toString("hex")}`);
  expect(decodeCommand(bytes)).toEqual(once("c", put("v")));
  expect(() => decodeCommand(encodeCommand({ kind: "once", key: "c", command: utf8("nonsense") }))).toThrow(
    UndecodableCommand,
  );
  expect(() => decodeCommand(encodeCommand(once("a", once("b", put("v")))))).toThrow(UndecodableCommand);
});

describe("a command that is repeated under its key", () => {
  test("has its effect once, and gives the first result", () => {
    const fsm = createKonsulFsm();
    const txn: Command = { kind: "kv-txn", operations: [{ op: "get", key: utf8("k") }] };
    const first = fsm.apply(commandEntry(1, once("a", put("1"))));
    fsm.apply(commandEntry(2, put("2")));
    expect(fsm.apply(commandEntry(3, once("a", put("1"))))).toEqual(first);
    expect(fsm.kv.get(utf8("k"))?.value).toEqual(utf8("2"));
    expect(fsm.apply(commandEntry(4, once("a", put("other"))))).toEqual({ kind: "once-mismatch" });
    const read = fsm.apply(commandEntry(5, once("t", txn)));
    fsm.apply(commandEntry(6, put("3")));
    // Bytes and big integers come back as they were.
    expect(fsm.apply(commandEntry(7, once("t", txn)))).toEqual(read);
  });

  test("is a new one after an hour", () => {
    const fsm = createKonsulFsm();
    fsm.apply({ ...commandEntry(1, once("a", put("1"))), time: 0 });
    fsm.apply({ ...commandEntry(2, put("2")), time: HOUR_MS - 1 });
    fsm.apply({ ...commandEntry(3, once("a", put("1"))), time: HOUR_MS - 1 });
    expect(fsm.kv.get(utf8("k"))?.value).toEqual(utf8("2"));
    fsm.apply({ ...commandEntry(4, once("a", put("1"))), time: HOUR_MS });
    expect(fsm.kv.get(utf8("k"))).toMatchObject({ value: utf8("1"), modifyIndex: 4 });
  });

  test("is known after a snapshot, and gets old there in the same order", () => {
    const prng = createPrng(3);
    const entries = Array.from({ length: 80 }, (_, at) => {
      const command = once(prng.pick(["a", "b", "c", "d"]), put(prng.pick(["1", "2"])));
      return { ...commandEntry(at + 1, command), time: at * 200_000 };
    });
    const whole = createKonsulFsm();
    for (const entry of entries) whole.apply(entry);
    for (let cut = 0; cut <= entries.length; cut += 9) {
      const first = createKonsulFsm();
      for (const entry of entries.slice(0, cut)) first.apply(entry);
      const second = createKonsulFsm();
      restoreFrom(second, first);
      for (const entry of entries.slice(cut)) second.apply(entry);
      expect(Buffer.from(drain(second.freeze()).bytes).equals(drain(whole.freeze()).bytes)).toBe(true);
    }
  });
});

import { expect, test } from "bun:test";
import { createKonsulFsm, decodeCommand, encodeCommand, InvalidCommand, type Command } from "../index.ts";
import { applyNext, restoreFrom } from "../test-log.ts";

const SET: Command = { kind: "settings-set", name: "autopilot", text: "{}" };

test("the bytes of settings-set are those of version 1", () => {
  const golden = `014009000000${Buffer.from("autopilot").toString("hex")}020000007b7d`;
  expect(Buffer.from(encodeCommand(SET)).toString("hex")).toBe(golden);
  expect(decodeCommand(encodeCommand(SET))).toEqual(SET);
  expect(() => encodeCommand({ kind: "settings-set", name: "a b", text: "" })).toThrow(InvalidCommand);
  expect(() => encodeCommand({ kind: "settings-set", name: "a", text: "x".repeat(20_000) })).toThrow(InvalidCommand);
});

test("settings are the last that were set, in a snapshot too", () => {
  const fsm = createKonsulFsm();
  expect(fsm.settings("autopilot")).toBeUndefined();
  applyNext(fsm, SET);
  expect(applyNext(fsm, { kind: "settings-set", name: "autopilot", text: '{"a":1}' })).toEqual({
    kind: "settings-changed",
    modifyIndex: 2,
  });
  const second = createKonsulFsm();
  restoreFrom(second, fsm);
  expect(second.settings("autopilot")).toBe('{"a":1}');
});

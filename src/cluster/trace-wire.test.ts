import { expect, test } from "bun:test";
import { MalformedBytes } from "../base/index.ts";
import { decodeTraces, encodeTraces } from "./trace-wire.ts";

const ENTRY = { index: 7, term: 2, traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };

test("traces come back as they were told", () => {
  expect(decodeTraces(encodeTraces([ENTRY, { ...ENTRY, index: 8 }]))).toEqual([ENTRY, { ...ENTRY, index: 8 }]);
  expect(decodeTraces(encodeTraces([]))).toEqual([]);
});

test("a later version is no reason to refuse anything, half a message is", () => {
  const bytes = encodeTraces([ENTRY]);
  expect(decodeTraces(Uint8Array.of(2, ...bytes.slice(1)))).toEqual([]);
  expect(() => decodeTraces(bytes.slice(0, -1))).toThrow(MalformedBytes);
  expect(() => decodeTraces(encodeTraces([{ ...ENTRY, traceparent: "x".repeat(65) }]))).toThrow();
});

import { expect, test } from "bun:test";
import { utf8 } from "../base/index.ts";
import type { KvRow } from "../fsm/index.ts";
import { keyFields } from "./key-fields.ts";

const ROW: KvRow = { value: utf8("über"), modifyIndex: 12, createIndex: 3, flags: 0n };

const SHOWN: readonly (readonly [Partial<KvRow>, string])[] = [
  [{}, '{"key":"k","value":"über","modify_index":12,"create_index":3,"flags":0}'],
  [{ value: utf8("") }, '{"key":"k","value":"","modify_index":12,"create_index":3,"flags":0}'],
  [
    { value: new Uint8Array([0xff, 0]), flags: 2n ** 64n - 1n },
    '{"key":"k","value_base64":"/wA=","modify_index":12,"create_index":3,"flags":18446744073709551615}',
  ],
  [
    { flags: 7n, lock: { index: 9, session: "s" } },
    '{"key":"k","value":"über","modify_index":12,"create_index":3,"flags":7,"lock_index":9,"session":"s"}',
  ],
  [
    { lock: { index: 9, session: "" } },
    '{"key":"k","value":"über","modify_index":12,"create_index":3,"flags":0,"lock_index":9}',
  ],
];

test("keyFields() shows text, bytes, all digits of flags, and locks, always in the same order", () => {
  for (const [change, text] of SHOWN) expect(JSON.stringify(keyFields("k", { ...ROW, ...change }))).toBe(text);
});

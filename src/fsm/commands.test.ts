import { describe, expect, test } from "bun:test";
import { createPrng, EMPTY_BYTES, utf8 } from "../base/index.ts";
import {
  COMMAND_LIMITS,
  decodeCommand,
  encodeCommand,
  InvalidCommand,
  UndecodableCommand,
  type Command,
} from "./index.ts";
import { randomLog } from "./test-log.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const key = utf8("k");

const GOLDEN: readonly (readonly [string, Command, string])[] = [
  [
    "kv-set",
    { kind: "kv-set", key: utf8("a/b"), value: utf8("v1"), flags: 0xffff_ffff_ffff_ffffn },
    "01 10 03000000 612f62 00 ffffffffffffffff 02000000 7631",
  ],
  [
    "kv-set with cas",
    { kind: "kv-set", key, value: EMPTY_BYTES, flags: 7n, cas: 258 },
    "01 10 01000000 6b 01 0201000000000000 0700000000000000 00000000",
  ],
  ["kv-delete", { kind: "kv-delete", key }, "01 11 01000000 6b 00"],
  ["kv-delete with cas", { kind: "kv-delete", key, cas: 0 }, "01 11 01000000 6b 01 0000000000000000"],
  [
    "kv-delete-prefix",
    { kind: "kv-delete-prefix", prefix: EMPTY_BYTES, limit: 1000, whenMore: "slice" },
    "01 12 00000000 e8030000 01",
  ],
  [
    "kv-txn",
    {
      kind: "kv-txn",
      operations: [
        { op: "set", key, value: utf8("v"), flags: 1n },
        { op: "delete", key },
        { op: "get", key },
        { op: "check-index", key, index: 9 },
      ],
    },
    "01 13 0400 01 01000000 6b 0100000000000000 01000000 76 02 01000000 6b 03 01000000 6b 04 01000000 6b 0900000000000000",
  ],
];

describe("encodeCommand() and decodeCommand()", () => {
  for (const [name, command, golden] of GOLDEN) {
    test(`the bytes of ${name} are those of version 1`, () => {
      expect(hex(encodeCommand(command))).toBe(golden.replaceAll(" ", ""));
      expect(decodeCommand(bytesOf(golden))).toEqual(command);
    });

    test(`${name} cut anywhere, or followed by a byte, is undecodable`, () => {
      const bytes = bytesOf(golden);
      for (let size = 0; size < bytes.length; size++) {
        expect(() => decodeCommand(bytes.slice(0, size))).toThrow(UndecodableCommand);
      }
      expect(() => decodeCommand(bytesOf(`${golden}00`))).toThrow(UndecodableCommand);
    });
  }

  test("what decodes encodes to the same bytes, also after a flipped bit: one encoding for each command (seed 11)", () => {
    const prng = createPrng(11);
    let decoded = 0;
    for (const entry of randomLog(prng, 400)) {
      if (entry.kind !== "command") continue;
      expect(hex(encodeCommand(decodeCommand(entry.data)))).toBe(hex(entry.data));
      const damaged = entry.data.slice();
      const at = prng.between(0, damaged.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << prng.between(0, 8));
      try {
        expect(hex(encodeCommand(decodeCommand(damaged)))).toBe(hex(damaged));
        decoded++;
      } catch (error) {
        expect(error).toBeInstanceOf(UndecodableCommand);
      }
    }
    expect(decoded).toBeGreaterThan(20);
  });

  test("a decoded command shares no memory with its entry", () => {
    const bytes = encodeCommand({ kind: "kv-set", key, value: utf8("v"), flags: 0n });
    const command = decodeCommand(bytes);
    bytes.fill(0);
    expect(command).toEqual({ kind: "kv-set", key: utf8("k"), value: utf8("v"), flags: 0n });
  });
});

describe("encodeCommand() refuses", () => {
  const set = { kind: "kv-set", key, value: EMPTY_BYTES, flags: 0n } as const;
  const prefix = { kind: "kv-delete-prefix", prefix: key, limit: 1, whenMore: "slice" } as const;
  const operation = { op: "get", key } as const;
  const wrong: readonly (readonly [string, Command])[] = [
    ["an empty key", { ...set, key: EMPTY_BYTES }],
    ["a key above the limit", { ...set, key: new Uint8Array(COMMAND_LIMITS.keyBytesMax + 1) }],
    ["a value above the limit", { ...set, value: new Uint8Array(COMMAND_LIMITS.valueBytesMax + 1) }],
    ["negative flags", { ...set, flags: -1n }],
    ["flags above 64 bits", { ...set, flags: 1n << 64n }],
    ["an empty key to delete", { kind: "kv-delete", key: EMPTY_BYTES }],
    ["a prefix above the limit", { ...prefix, prefix: new Uint8Array(COMMAND_LIMITS.prefixBytesMax + 1) }],
    ["a limit of zero", { ...prefix, limit: 0 }],
    ["a limit that is not whole", { ...prefix, limit: 1.5 }],
    ["a limit above the limit", { ...prefix, limit: COMMAND_LIMITS.deletePrefixMax + 1 }],
    ["a cas below zero", { ...set, cas: -1 }],
    ["a cas above 2^53-1", { kind: "kv-delete", key, cas: 2 ** 53 }],
    ["an index that is not whole", { kind: "kv-txn", operations: [{ op: "check-index", key, index: 0.5 }] }],
    ["an empty transaction", { kind: "kv-txn", operations: [] }],
    ["a transaction of 129 operations", { kind: "kv-txn", operations: Array.from({ length: 129 }, () => operation) }],
    ["an empty key in a transaction", { kind: "kv-txn", operations: [{ op: "delete", key: EMPTY_BYTES }] }],
  ];
  for (const [name, command] of wrong) {
    test(name, () => expect(() => encodeCommand(command)).toThrow(InvalidCommand));
  }

  test("nothing at the limits", () => {
    const largest = { ...set, key: new Uint8Array(COMMAND_LIMITS.keyBytesMax), flags: (1n << 64n) - 1n };
    expect(decodeCommand(encodeCommand(largest))).toEqual(largest);
    const operations = Array.from({ length: COMMAND_LIMITS.txnOperationsMax }, () => operation);
    expect(decodeCommand(encodeCommand({ kind: "kv-txn", operations }))).toEqual({ kind: "kv-txn", operations });
  });
});

describe("decodeCommand() refuses", () => {
  const wrong: readonly (readonly [string, string, string])[] = [
    ["another version", "02 11 01000000 6b 00", "must have version 1"],
    ["an unknown type", "01 7f", "type this program does not know"],
    ["a cas byte that is neither 0 nor 1", "01 11 01000000 6b 02", "0 or 1"],
    ["an empty key", "01 11 00000000 00", "1 to 4096 bytes"],
    ["a key that claims more than the limit", "01 11 01100000 00", "the limit is 4096"],
    ["a limit of zero", "01 12 00000000 00000000 01", "must be 1 to"],
    ["an empty transaction", "01 13 0000", "1 to 128 operations"],
    ["a transaction with an unknown operation", "01 13 0100 09 01000000 6b", "operation that this program"],
    ["an index above 2^53-1", "01 11 01000000 6b 01 ffffffffffffffff", "above 2^53-1"],
  ];
  for (const [name, bytes, message] of wrong) {
    test(name, () => {
      expect(() => decodeCommand(bytesOf(bytes))).toThrow(UndecodableCommand);
      expect(() => decodeCommand(bytesOf(bytes))).toThrow(message);
    });
  }
});

import { describe, expect, test } from "bun:test";
import { createPrng, utf8 } from "../../base/index.ts";
import { createKonsulFsm } from "../index.ts";
import { applyNext } from "../test-log.ts";
import { HashSum, RowHasher } from "./row-hash.ts";

function hashOf(fill: (hasher: RowHasher) => void): string {
  const sum = new HashSum();
  const hasher = new RowHasher().start(1);
  fill(hasher);
  sum.add(hasher.finish());
  return HashSum.hex([sum]);
}

function sumOf(numbers: readonly number[]): HashSum {
  const sum = new HashSum();
  for (const row of numbers) sum.add(new RowHasher().start(1).number(row).finish());
  return sum;
}

describe("RowHasher", () => {
  test("gives the values of version 1", () => {
    const fixed = hashOf((hasher) =>
      hasher
        .bytes(utf8("konsul"))
        .u64(0x1234_5678_9abc_def0n)
        .number(2 ** 40 + 5),
    );
    expect(fixed).toBe("8017475de99808c5");
  });

  test("each flipped bit and each added byte changes both lanes", () => {
    const value = utf8("a value of nineteen");
    const seen = new Set<string>();
    const lanes = new Set<string>();
    const see = (bytes: Uint8Array): void => {
      const text = hashOf((hasher) => hasher.bytes(bytes));
      seen.add(text);
      lanes.add(text.slice(0, 8)).add(text.slice(8));
    };
    see(value);
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = value.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      see(flipped);
    }
    for (let size = 0; size < 8; size++) see(new Uint8Array(size));
    expect(seen.size).toBe(1 + value.length * 8 + 8);
    expect(lanes.size).toBe(seen.size * 2);
  });

  test("bytes that move from one field to the next give another hash", () => {
    const one = hashOf((hasher) => hasher.bytes(utf8("ab")).bytes(utf8("c")));
    const other = hashOf((hasher) => hasher.bytes(utf8("a")).bytes(utf8("bc")));
    expect(one).not.toBe(other);
  });
});

describe("HashSum", () => {
  test("does not depend on order, and a removed row leaves no trace (seed 51)", () => {
    const prng = createPrng(51);
    const rows = Array.from({ length: 200 }, () => prng.next());
    const forward = sumOf(rows);
    expect(HashSum.hex([sumOf(rows.toReversed())])).toBe(HashSum.hex([forward]));
    expect(HashSum.hex([sumOf(rows.slice(0, 77)), sumOf(rows.slice(77))])).toBe(HashSum.hex([forward]));
    for (const row of rows.slice(1)) forward.remove(new RowHasher().start(1).number(row).finish());
    expect(HashSum.hex([forward])).toBe(HashSum.hex([sumOf(rows.slice(0, 1))]));
  });

  test("depends on every logical field of a key's row", () => {
    const base = { kind: "kv-set", key: utf8("k"), value: utf8("v"), flags: 0n } as const;
    const noop = { kind: "kv-delete", key: utf8("absent") } as const;
    const logs = [
      [base],
      [{ ...base, key: utf8("l") }],
      [{ ...base, value: utf8("w") }],
      [{ ...base, flags: 1n }],
      [{ ...base, flags: 1n << 32n }],
      [base, base],
      [noop, base],
    ];
    const hashes = logs.map((log) => {
      const fsm = createKonsulFsm();
      for (const command of log) applyNext(fsm, command);
      return fsm.stateHash();
    });
    expect(new Set(hashes).size).toBe(logs.length);
  });
});

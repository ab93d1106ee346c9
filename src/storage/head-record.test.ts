import { describe, expect, test } from "bun:test";
import { decodeHead, EMPTY_HEAD, encodeHead, HEAD_BYTES_MAX, type HeadRecord } from "./head-record.ts";

const HEAD: HeadRecord = {
  seq: 7,
  boot: "00000000000000b1",
  hard: { term: 3, vote: "a~00000000000000a1" },
  base: { index: 2, term: 1, chain: 0xdeadbeef, time: 20, membershipIndex: 1 },
  last: { index: 9, term: 3, chain: 0x01020304, time: 90 },
  membershipIndex: 5,
  commitHint: 8,
  identity: {
    clusterId: "0".repeat(32),
    epoch: { counter: 1, random: "89abcdef" },
    nodeId: "a",
    incarnation: "00000000000000a1",
  },
};

const GOLDEN_EMPTY =
  "3144484b" +
  "01" +
  "0000000000000000" +
  "00000000" +
  "0000000000000000" +
  "00000000" +
  "00000000000000000000000000000000000000000000000000000000" +
  "0000000000000000" +
  "00000000000000000000000000000000000000000000000000000000" +
  "0000000000000000" +
  "0000000000000000" +
  "00";

describe("encodeHead()", () => {
  test("encodeHead() of the empty head writes these very bytes and a checksum", () => {
    const bytes = Buffer.from(encodeHead(EMPTY_HEAD)).toString("hex");
    expect(bytes.slice(0, -8)).toBe(GOLDEN_EMPTY);
    expect(bytes.slice(-8)).toBe("301e7baf");
  });

  test("encodeHead() and decodeHead() are inverse, whatever follows the record", () => {
    const slot = new Uint8Array(4096);
    slot.set(encodeHead(HEAD));
    expect(decodeHead(slot)).toEqual(HEAD);
    expect(decodeHead(encodeHead(EMPTY_HEAD))).toEqual(EMPTY_HEAD);
    const [identity, peerSecret] = [HEAD.identity, "A".repeat(64)];
    if (identity === undefined) throw new Error("this head has an identity");
    const withSecret = { ...HEAD, identity: { ...identity, peerSecret } };
    expect(decodeHead(encodeHead(withSecret))).toEqual(withSecret);
  });

  test("encodeHead() of the longest names fits into one sector", () => {
    const identity = { clusterId: "f".repeat(32), epoch: { counter: 2 ** 53 - 1, random: "f".repeat(8) } };
    const names = { nodeId: "n".repeat(64), incarnation: "f".repeat(16), peerSecret: "A".repeat(64) };
    const head = { ...HEAD, hard: { term: 1, vote: `${"n".repeat(64)}~${"f".repeat(16)}` } };
    expect(encodeHead({ ...head, identity: { ...identity, ...names } }).length).toBeLessThanOrEqual(HEAD_BYTES_MAX);
  });

  test("decodeHead() refuses every flipped bit", () => {
    const bytes = encodeHead(HEAD);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeHead(flipped)).toThrow();
    }
  });
});

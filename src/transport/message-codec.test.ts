import { describe, expect, test } from "bun:test";
import { ByteReader, ByteWriter, createPrng, MalformedBytes } from "../base/index.ts";
import type { Append, Message, MessageBody, MessageHeader } from "../raft/index.ts";
import { readMessage, writeMessage } from "./message-codec.ts";

const header: Omit<MessageHeader, "term"> = {
  clusterId: "00112233445566778899aabbccddeeff",
  epoch: { counter: 1, random: "0a0b0c0d" },
  from: "a~0000000000000001",
  fromBoot: "00000000000000b1",
  to: "b~0000000000000002",
};

const APPEND: Append = {
  kind: "append",
  prevIndex: 9,
  prevTerm: 2,
  prevChain: 0xdeadbeef,
  commit: 8,
  round: 77,
  session: 5,
  entries: [
    { index: 10, term: 2, kind: "command", time: 1234, data: new Uint8Array([1, 2, 3]), chain: 1 },
    { index: 11, term: 2, kind: "noop", time: 1234, data: new Uint8Array(0), chain: 0xffffffff },
  ],
};

const BODIES: readonly MessageBody[] = [
  { kind: "pre-vote", round: 3, lastIndex: 10, lastTerm: 2 },
  { kind: "pre-vote-reply", round: 3, granted: true },
  { kind: "vote", lastIndex: 10, lastTerm: 2, transfer: true },
  { kind: "vote-reply", granted: false },
  APPEND,
  {
    kind: "append-reply",
    ok: false,
    match: 4,
    hintIndex: 3,
    hintTerm: 1,
    round: 77,
    session: 5,
    needSnapshot: true,
    seq: 99,
    applied: 2,
  },
  { kind: "snapshot-reply", session: 5, index: 1000, ok: true },
  { kind: "timeout-now", requireIndex: 10, requireTerm: 2 },
  { kind: "read-index", request: 8 },
  { kind: "read-index-reply", request: 8, ok: true, index: 10, commit: 11 },
  { kind: "stale-term" },
  { kind: "replaced", reason: "rolled-back", at: 17, boot: "00000000000000aa" },
  { kind: "goodbye" },
];

function encode(message: Message): Uint8Array {
  const out = new ByteWriter();
  writeMessage(out, message);
  return out.finish();
}

describe("message codec", () => {
  for (const body of BODIES) {
    test(`${body.kind} survives the wire`, () => {
      const message: Message = { ...header, term: 6, ...body };
      const reader = new ByteReader(encode(message));
      expect(readMessage(reader, header)).toEqual(message);
      expect(reader.remaining).toBe(0);
    });
  }

  test("an append has the bytes that version 1 of the protocol promises", () => {
    const bytes = encode({ ...header, term: 6, ...APPEND });
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "04060000000000000009000000000000000200000000000000efbeadde08000000000000004d0000000000000005000000000000000200" +
        "0000020000000000000001d20400000000000001000000030000000102030200000000000000" +
        "00d204000000000000ffffffff00000000",
    );
  });

  test("random bytes are refused and never believed to be more than they are", () => {
    const prng = createPrng(2);
    let refused = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const bytes = new Uint8Array(prng.between(1, 120)).map(() => prng.between(0, 256));
      try {
        readMessage(new ByteReader(bytes), header);
      } catch (cause) {
        expect(cause).toBeInstanceOf(MalformedBytes);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(5_000);
  });
});

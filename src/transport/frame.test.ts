import { describe, expect, test } from "bun:test";
import { ByteWriter, createPrng } from "../base/index.ts";
import { encodeFrame, FrameParser, MalformedFrame, writeFrame, type Frame } from "./frame.ts";

function stream(frames: readonly Frame[]): Uint8Array {
  const out = new ByteWriter();
  for (const { kind, body } of frames) writeFrame(out, kind, (writer) => writer.raw(body));
  return out.finish();
}

describe("FrameParser", () => {
  test("finds the same frames however the stream is cut", () => {
    const prng = createPrng(1);
    const frames: Frame[] = [];
    for (let at = 0; at < 50; at += 1) {
      frames.push({ kind: "messages", body: new Uint8Array(prng.between(0, 3000)).fill(at) });
    }
    const bytes = stream(frames);
    for (let round = 0; round < 50; round += 1) {
      const parser = new FrameParser(4096);
      const seen: Frame[] = [];
      for (let at = 0; at < bytes.length;) {
        const size = prng.between(1, 5000);
        seen.push(...parser.push(bytes.slice(at, at + size)));
        at += size;
      }
      expect(seen).toEqual(frames);
    }
  });

  test("refuses a length above the limit before the bytes have come", () => {
    const head = new ByteWriter().u32(0xffffffff).u32(0).finish();
    expect(() => new FrameParser(4096).push(head)).toThrow(MalformedFrame);
  });

  test("refuses any flipped bit", () => {
    const bytes = encodeFrame("hello", new Uint8Array(40).fill(7));
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const parser = new FrameParser(4096);
      let frames: readonly Frame[] = [];
      try {
        frames = parser.push(flipped);
      } catch (cause) {
        expect(cause).toBeInstanceOf(MalformedFrame);
      }
      expect(frames).toEqual([]);
    }
  });
});

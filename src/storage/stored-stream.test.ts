import { describe, expect, test } from "bun:test";
import { createPrng, MalformedBytes } from "../base/index.ts";
import { DEFLATE, ZSTD } from "./codec.ts";
import { encodePart, PartDecoder } from "./stored-stream.ts";

const parts = [0, 1, 5000, 100_000].map((size) => Uint8Array.from({ length: size }, (_, at) => (at * at) % 251));

describe("PartDecoder", () => {
  for (const codec of [ZSTD, DEFLATE]) {
    test(`PartDecoder.push() gives back parts of ${codec.name}, wherever the stored bytes are cut`, () => {
      const stored = Buffer.concat(parts.map((part) => encodePart(codec, part)));
      const prng = createPrng(1);
      for (let round = 0; round < 20; round++) {
        const decoder = new PartDecoder();
        const decoded: Uint8Array[] = [];
        for (let at = 0; at < stored.length;) {
          const end = Math.min(stored.length, at + prng.between(1, 20_000));
          decoded.push(...decoder.push(stored.subarray(at, end)));
          at = end;
        }
        decoder.end();
        expect(decoded.map((part) => part.length)).toEqual(parts.map((part) => part.length));
        expect(Buffer.concat(decoded).equals(Buffer.concat(parts))).toBe(true);
      }
    });
  }

  test("PartDecoder.end() refuses a part that is cut off", () => {
    const decoder = new PartDecoder();
    expect(decoder.push(encodePart(ZSTD, new Uint8Array(100)).subarray(0, -1))).toEqual([]);
    expect(() => decoder.end()).toThrow(MalformedBytes);
  });

  test("PartDecoder.push() refuses an unknown codec", () => {
    const stored = encodePart(ZSTD, new Uint8Array(100));
    stored[0] = 99;
    expect(() => new PartDecoder().push(stored)).toThrow(MalformedBytes);
  });
});

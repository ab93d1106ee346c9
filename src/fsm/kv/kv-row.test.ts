import { describe, expect, test } from "bun:test";
import { ByteReader, ByteWriter, createPrng, MalformedBytes, type Prng } from "../../base/index.ts";
import { RowHasher } from "../state/row-hash.ts";
import { hasLock, kvRow, kvRowFormat, readKvHead, type KvRow } from "./kv-row.ts";

function randomRow(prng: Prng): KvRow {
  const value = Uint8Array.from({ length: prng.between(0, 40) }, () => prng.between(0, 256));
  const number = (): number => prng.pick([0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]);
  const flags = prng.pick([0n, 1n, (BigInt(prng.next()) << 32n) | BigInt(prng.next())]);
  const row = { value, flags, createIndex: number(), modifyIndex: number() };
  const lock = { session: "s".repeat(prng.between(0, 40)), index: number() };
  return kvRow(prng.chance(0.5) ? { ...row, lock } : row);
}

/** The row in the middle of other bytes, as a page has it. */
function encoded(row: KvRow): { readonly bytes: Uint8Array; readonly from: number; readonly to: number } {
  const writer = new ByteWriter().u8(0xff);
  kvRowFormat.write(writer, row);
  const to = writer.length;
  return { bytes: writer.u32(0xffff_ffff).finish(), from: 1, to };
}

const reader = ({ bytes, from, to }: ReturnType<typeof encoded>): ByteReader => new ByteReader(bytes, from, to);

describe("kvRowFormat", () => {
  test("scan() gives hash and size of the row without making it, and ends where it ends (seed 81)", () => {
    const prng = createPrng(81);
    for (let i = 0; i < 500; i++) {
      const row = randomRow(prng);
      const place = encoded(row);
      const wanted = new RowHasher().start(1);
      kvRowFormat.hash(wanted, row);
      const hasher = new RowHasher().start(1);
      const scanned = reader(place);
      expect(kvRowFormat.scan?.(scanned, hasher)).toBe(kvRowFormat.sizeBytes(row));
      expect(scanned.remaining).toBe(0);
      expect([hasher.finish().low, hasher.high]).toEqual([wanted.finish().low, wanted.high]);
      expect(kvRowFormat.read(reader(place))).toEqual(row);
      const { createIndex, modifyIndex, lock } = row;
      expect(readKvHead(reader(place))).toEqual({ createIndex, modifyIndex, ...(lock === undefined ? {} : { lock }) });
      expect(hasLock(reader(place))).toBe(lock !== undefined);
    }
  });

  test("scan() refuses what read() refuses (seed 82)", () => {
    const prng = createPrng(82);
    const refuses = (read: () => unknown): boolean => {
      try {
        read();
        return false;
      } catch (cause) {
        expect(cause).toBeInstanceOf(MalformedBytes);
        return true;
      }
    };
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const place = encoded(randomRow(prng));
      const at = prng.between(place.from, place.to);
      place.bytes[at] = prng.between(0, 256);
      const damaged = { ...place, to: prng.chance(0.3) ? at : place.to };
      const isRefused = refuses(() => kvRowFormat.read(reader(damaged)));
      expect(refuses(() => kvRowFormat.scan?.(reader(damaged), new RowHasher()))).toBe(isRefused);
      refused += Number(isRefused);
    }
    expect(refused).toBeGreaterThan(500);
  });
});

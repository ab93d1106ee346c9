import { describe, expect, test } from "bun:test";
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  copyBytes,
  copyInto,
  fromUtf8,
  isSameBytes,
  MalformedBytes,
  utf8,
} from "./bytes.ts";

describe("ByteWriter and ByteReader", () => {
  test("every kind of value comes back as it was written", () => {
    const bytes = new ByteWriter(1)
      .u8(255)
      .u16(65_535)
      .u32(0xffffffff)
      .u53(Number.MAX_SAFE_INTEGER)
      .u64(0xffff_ffff_ffff_ffffn)
      .bytes(new Uint8Array([1, 2]))
      .text("π😀")
      .finish();
    const reader = new ByteReader(bytes);
    expect([reader.u8(), reader.u16(), reader.u32(), reader.u53()]).toEqual([
      255,
      65_535,
      0xffffffff,
      Number.MAX_SAFE_INTEGER,
    ]);
    expect(reader.u64()).toBe(0xffff_ffff_ffff_ffffn);
    expect(reader.bytes()).toEqual(new Uint8Array([1, 2]));
    expect(reader.text()).toBe("π😀");
    reader.end();
  });

  test("a byte order mark stays where it was", () => {
    const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
    expect(utf8(fromUtf8(bytes))).toEqual(bytes);
    expect(new ByteReader(new ByteWriter().text("\ufeffa").finish()).text()).toBe("\ufeffa");
  });

  test("numbers are little-endian", () => {
    expect(new ByteWriter().u32(1).u53(0x1_0000_0002).finish()).toEqual(
      new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]),
    );
  });

  test("ByteWriter.u53() refuses what a double cannot hold exactly", () => {
    for (const value of [-1, 0.5, 2 ** 53, NaN]) expect(() => new ByteWriter().u53(value)).toThrow(MalformedBytes);
  });

  test("ByteReader.u53() refuses a number above 2^53-1", () => {
    expect(() => new ByteReader(new Uint8Array(8).fill(255)).u53()).toThrow(MalformedBytes);
  });

  test("a read past the end is refused, before anything is allocated for it", () => {
    const claimsFourGigabytes = new ByteWriter().u32(0xffffffff).finish();
    expect(() => new ByteReader(claimsFourGigabytes).bytes()).toThrow(MalformedBytes);
    expect(() => new ByteReader(new Uint8Array(3)).u32()).toThrow(MalformedBytes);
  });

  test("a limit is held, rubbish is no text, and nothing may be left over", () => {
    const long = new ByteWriter().bytes(new Uint8Array(10)).finish();
    expect(() => new ByteReader(long).bytes(9)).toThrow(MalformedBytes);
    const invalid = new ByteWriter().bytes(new Uint8Array([0xff])).finish();
    expect(() => new ByteReader(invalid).text()).toThrow(MalformedBytes);
    expect(() => new ByteReader(new Uint8Array(1)).end()).toThrow(MalformedBytes);
  });

  test("ByteReader.raw() copies, so that a kept value does not change with its source", () => {
    const source = new Uint8Array([1, 2, 3]);
    const kept = new ByteReader(source).raw(2);
    source.fill(9);
    expect(kept).toEqual(new Uint8Array([1, 2]));
  });

  test("a Buffer, as sockets give them, is copied as well, into plain bytes", () => {
    const source = Buffer.from([1, 2, 3]);
    const kept = [new ByteReader(source).raw(2), copyBytes(source, 1)];
    source.fill(9);
    expect(kept).toEqual([new Uint8Array([1, 2]), new Uint8Array([2, 3])]);
    expect(kept.map((bytes) => Buffer.isBuffer(bytes))).toEqual([false, false]);
  });
});

describe("parts of arrays", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);

  test("a reader of a part sees neither what is before nor what is behind it", () => {
    const reader = new ByteReader(bytes, 10, 14);
    expect([reader.u8(), reader.at, reader.remaining]).toEqual([10, 11, 3]);
    const fork = reader.fork();
    expect([reader.skip(1), reader.rest()]).toEqual([11, Uint8Array.of(12, 13)]);
    expect(() => reader.u8()).toThrow(MalformedBytes);
    expect(() => fork.u32()).toThrow(MalformedBytes);
    expect(fork.u16()).toBe(11 | (12 << 8));
  });

  test("ByteWriter.rest() writes what a reader has left, and restart() begins anew", () => {
    const reader = new ByteReader(bytes, 20, 290);
    const writer = new ByteWriter(1).u32(7).restart().u8(1).rest(reader);
    expect(writer.finish()).toEqual(Uint8Array.of(1, ...bytes.slice(20, 290)));
    expect(reader.remaining).toBe(270);
  });

  test("copyInto() copies short and long parts alike", () => {
    for (const size of [0, 1, 95, 96, 97, 280]) {
      const target = new Uint8Array(290);
      copyInto(target, 5, { bytes, from: 7, to: 7 + size });
      expect(target).toEqual(Uint8Array.from({ length: 290 }, (_, i) => (i >= 5 && i < 5 + size ? i + 2 : 0)));
    }
  });
});

describe("compareBytes()", () => {
  test("orders as memcmp does, a prefix first", () => {
    const words = ["b", "a", "", "ab", "a\u0000", "é", "z", "😀", "\uffff"];
    const sorted = words.map(utf8).toSorted(compareBytes);
    const byHex = words.map(utf8).toSorted((a, b) => (a.toHex() < b.toHex() ? -1 : 1));
    expect(sorted).toEqual(byHex);
    expect(isSameBytes(utf8("a"), utf8("a"))).toBe(true);
    expect(isSameBytes(utf8("a"), utf8("b"))).toBe(false);
  });
});

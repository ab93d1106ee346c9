/** Bytes that end early, or hold a number out of range. */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

const encoder = new TextEncoder();
/** Keeps a byte order mark, so that what was decoded is encoded to the same bytes. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const EMPTY_BYTES = new Uint8Array(0);

const U64_MAX = 0xffff_ffff_ffff_ffffn;

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes strict UTF-8. @throws TypeError on malformed input */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Below this size a loop costs less than a call out of the engine. */
const SHORT_BYTES = 24;

/** Order by bytes, as memcmp; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  const short = Math.min(size, SHORT_BYTES);
  for (let at = 0; at < short; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return size === short ? a.length - b.length : Buffer.compare(a, b);
}

/** A little-endian unsigned number of 4 bytes; `at + 4` must be inside. */
export function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return (low | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

/** The way back; `at + 4` must be inside. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/**
 * A copy of a part. `slice()` is none where the bytes came from a socket or a file: they are a `Buffer` then, whose slices
 * share its memory, so that a change of the "copy" changes what it was made of. Elsewhere it is four times as fast.
 */
export function copyBytes(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.subarray(from, to)) : bytes.slice(from, to);
}

/** A part of an array. */
export interface ByteSpan {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Below this size a loop costs less than `set()`. */
const LOOP_BYTES = 96;

/**
 * Copies the part to that place of the target, which has room for it. By way of a copy, as that costs less than a view, which
 * gives the source an ArrayBuffer for ever.
 */
export function copyInto(target: Uint8Array, at: number, { bytes, from, to }: ByteSpan): void {
  if (to - from > LOOP_BYTES) target.set(bytes.slice(from, to), at);
  else for (let shift = at - from, i = from; i < to; i++) target[i + shift] = bytes[i] ?? 0;
}

/**
 * Appends little-endian values to a buffer that grows. Composed by hand, as in the reader: a DataView would cost more than
 * all that is written through it, and give every small array an ArrayBuffer of its own.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** Of that many bytes at first, or into what that buffer holds. */
  constructor(room: number | ArrayBuffer = 256) {
    this.#bytes = typeof room === "number" ? new Uint8Array(room) : new Uint8Array(room);
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes that it can hold before it must grow. */
  get capacity(): number {
    return this.#bytes.length;
  }

  #reserve(extra: number): number {
    const at = this.#length;
    const wanted = at + extra;
    if (wanted > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#length = wanted;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >>> 8;
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    writeU32(this.#bytes, at, value);
    return this;
  }

  /** A safe integer ≥ 0 in 8 bytes. */
  u53(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new MalformedBytes(`Cannot write ${value} as it must be a whole number from 0 to 2^53-1`);
    }
    const at = this.#reserve(8);
    writeU32(this.#bytes, at, value >>> 0);
    writeU32(this.#bytes, at + 4, Math.floor(value / 0x100000000));
    return this;
  }

  /** An unsigned 64-bit number, exact. Most are 0, which needs none of the engine's slow arithmetic. */
  u64(value: bigint): this {
    if (value === 0n) return this.u32(0).u32(0);
    if (value < 0n || value > U64_MAX) throw new MalformedBytes(`Cannot write ${value} as it must be from 0 to 2^64-1`);
    const at = this.#reserve(8);
    writeU32(this.#bytes, at, Number(value & 0xffff_ffffn));
    writeU32(this.#bytes, at + 4, Number(value >> 32n));
    return this;
  }

  /** Bytes as they are, no length. */
  raw(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Bytes behind their length as u32. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  /** What the reader has left, as it is; the reader does not move. */
  rest(reader: ByteReader): this {
    const at = this.#reserve(reader.remaining);
    copyInto(this.#bytes, at, { bytes: reader.source, from: reader.at, to: reader.at + reader.remaining });
    return this;
  }

  /** UTF-8 behind its length as u32. */
  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** Overwrites 4 bytes written before. */
  patchU32(at: number, value: number): this {
    writeU32(this.#bytes, at, value);
    return this;
  }

  /** A view of what was written: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what was written, to write anew. */
  restart(): this {
    this.#length = 0;
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** The whole buffer, of which what was written is the beginning, for somebody else: nothing may be written any more. */
  release(): ArrayBuffer {
    return this.#bytes.buffer;
  }
}

/** Reads little-endian values; every read is bounded by the input. @throws MalformedBytes */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, from = 0, to = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** The array that is read, of which this reader may see a part only: never to be kept, as it may change. */
  get source(): Uint8Array {
    return this.#bytes;
  }

  /** Where in `source` the next read begins. */
  get at(): number {
    return this.#at;
  }

  /** Passes over that many bytes; answers where in `source` they begin. */
  skip(size: number): number {
    if (size > this.remaining) {
      throw new MalformedBytes(`Cannot read ${size} bytes as only ${this.remaining} remain`);
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }

  u8(): number {
    return this.#bytes[this.skip(1)] ?? 0;
  }

  u16(): number {
    const at = this.skip(2);
    return (this.#bytes[at] ?? 0) | ((this.#bytes[at + 1] ?? 0) << 8);
  }

  u32(): number {
    return readU32(this.#bytes, this.skip(4));
  }

  /** @throws MalformedBytes above 2^53-1 */
  u53(): number {
    const at = this.skip(8);
    const value = readU32(this.#bytes, at + 4) * 0x100000000 + readU32(this.#bytes, at);
    if (!Number.isSafeInteger(value)) throw new MalformedBytes(`Cannot read a number above 2^53-1: ${value}`);
    return value;
  }

  u64(): bigint {
    const at = this.skip(8);
    const low = readU32(this.#bytes, at);
    const high = readU32(this.#bytes, at + 4);
    if (low === 0 && high === 0) return 0n;
    return high < 0x20_0000 ? BigInt(high * 0x100000000 + low) : (BigInt(high) << 32n) | BigInt(low);
  }

  /** A copy, so that nothing keeps the input alive. */
  raw(size: number): Uint8Array {
    const at = this.skip(size);
    return copyBytes(this.#bytes, at, at + size);
  }

  bytes(sizeMax = 0xffffffff): Uint8Array {
    const size = this.u32();
    if (size > sizeMax) throw new MalformedBytes(`Cannot read ${size} bytes as the limit is ${sizeMax}`);
    return this.raw(size);
  }

  text(sizeMax = 0xffff): string {
    try {
      return decoder.decode(this.bytes(sizeMax));
    } catch (cause) {
      if (cause instanceof MalformedBytes) throw cause;
      throw new MalformedBytes("Cannot read text that is not UTF-8", { cause });
    }
  }

  /** Another reader at the same place. */
  fork(): ByteReader {
    return new ByteReader(this.#bytes, this.#at, this.#end);
  }

  /** A copy of all that is left. */
  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  /** @throws MalformedBytes when bytes are left over */
  end(): void {
    if (this.remaining !== 0) throw new MalformedBytes(`Cannot end as ${this.remaining} bytes are left over`);
  }
}

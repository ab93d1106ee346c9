/** Bytes that end early, or hold a number out of range. */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export const EMPTY_BYTES = new Uint8Array(0);

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes strict UTF-8. @throws TypeError on malformed input */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Order by bytes, as memcmp; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Appends little-endian values to a buffer that grows. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(extra: number): number {
    const at = this.#length;
    const wanted = at + extra;
    if (wanted > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = wanted;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** A safe integer ≥ 0 in 8 bytes. */
  u53(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new MalformedBytes(`Cannot write ${value} as it must be a whole number from 0 to 2^53-1`);
    }
    const at = this.#reserve(8);
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x100000000), true);
    return this;
  }

  /** An unsigned 64-bit number, exact. */
  u64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
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

  /** UTF-8 behind its length as u32. */
  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** Overwrites 4 bytes written before. */
  patchU32(at: number, value: number): this {
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** A view of what was written: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** Reads little-endian values; every read is bounded by the input. @throws MalformedBytes */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(size: number): number {
    if (size > this.remaining) {
      throw new MalformedBytes(`Cannot read ${size} bytes as only ${this.remaining} remain`);
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** @throws MalformedBytes above 2^53-1 */
  u53(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at + 4, true) * 0x100000000 + this.#view.getUint32(at, true);
    if (!Number.isSafeInteger(value)) throw new MalformedBytes(`Cannot read a number above 2^53-1: ${value}`);
    return value;
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A copy, so that nothing keeps the input alive. */
  raw(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.slice(at, at + size);
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

  /** @throws MalformedBytes when bytes are left over */
  end(): void {
    if (this.remaining !== 0) throw new MalformedBytes(`Cannot end as ${this.remaining} bytes are left over`);
  }
}

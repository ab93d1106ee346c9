import { readU32 } from "../../base/index.ts";

/** Version of the definition below. A change of it, or of what a table hashes, is a new version. */
export const HASH_VERSION = 1;

/**
 * Two independent 32-bit lanes over one row. What goes in are logical fields in a fixed order, never the encoding of
 * a snapshot: that may change while the hash stays. Guards against faults, not against somebody who wants a collision.
 */
export class RowHasher {
  #low = 0;
  #high = 0;

  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#high;
  }

  /** Starts a row of the table with this number. */
  start(section: number): this {
    this.#low = 0x6b6f6e73;
    this.#high = 0x756c3031;
    return this.word(section);
  }

  /** An unsigned 32-bit number. */
  word(word: number): this {
    let a = Math.imul(word, 0xcc9e2d51);
    a = Math.imul((a << 15) | (a >>> 17), 0x1b873593);
    a ^= this.#low;
    this.#low = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    let b = Math.imul(word, 0x85ebca77);
    b = Math.imul((b << 17) | (b >>> 15), 0xc2b2ae3d);
    b ^= this.#high;
    this.#high = (Math.imul((b << 11) | (b >>> 21), 9) + 0x38495ab5) | 0;
    return this;
  }

  /** A safe integer ≥ 0. */
  number(value: number): this {
    return this.word(value >>> 0).word(Math.floor(value / 0x100000000));
  }

  /** An unsigned 64-bit number. */
  u64(value: bigint): this {
    return value === 0n
      ? this.word(0).word(0)
      : this.word(Number(value & 0xffffffffn)).word(Number((value >> 32n) & 0xffffffffn));
  }

  /** Bytes behind their length. */
  bytes(value: Uint8Array): this {
    return this.span(value, 0, value.length);
  }

  /** As `bytes` of a copy of that part. */
  span(value: Uint8Array, from: number, to: number): this {
    this.word(to - from);
    const whole = from + ((to - from) & ~3);
    // Composed by hand: a DataView would give every stored value an ArrayBuffer of its own.
    for (let at = from; at < whole; at += 4) this.word(readU32(value, at));
    if (whole === to) return this;
    // Bytes behind the end count as 0 (the length tells them from real ones).
    const second = whole + 1 < to ? (value[whole + 1] ?? 0) << 8 : 0;
    const third = whole + 2 < to ? (value[whole + 2] ?? 0) << 16 : 0;
    return this.word((value[whole] ?? 0) | second | third);
  }

  /** Mixes the lanes; only then they may be read. */
  finish(): this {
    const low = mix(this.#low);
    this.#high = mix(this.#high ^ Math.imul(low, 0x9e3779b1));
    this.#low = low;
    return this;
  }
}

function mix(lane: number): number {
  let x = lane ^ (lane >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A sum of row hashes: the order in which rows came does not matter, and a row can be taken out again. */
export class HashSum {
  #low = 0;
  #high = 0;

  add(row: RowHasher): void {
    this.#low = (this.#low + row.low) >>> 0;
    this.#high = (this.#high + row.high) >>> 0;
  }

  remove(row: RowHasher): void {
    this.#low = (this.#low - row.low) >>> 0;
    this.#high = (this.#high - row.high) >>> 0;
  }

  get isZero(): boolean {
    return this.#low === 0 && this.#high === 0;
  }

  /** 16 lower-case hex digits of the sum over all given sums. */
  static hex(sums: Iterable<HashSum>): string {
    let low = 0;
    let high = 0;
    for (const sum of sums) {
      low = (low + sum.#low) >>> 0;
      high = (high + sum.#high) >>> 0;
    }
    return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  }

  clear(): void {
    this.#low = 0;
    this.#high = 0;
  }
}

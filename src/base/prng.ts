/** Seeded xoshiro128**: no floating point in the state, so a seed means the same everywhere. */
export interface Prng {
  /** An unsigned 32-bit number. */
  next(): number;
  /** A number in [0, 1). */
  float(): number;
  /** A whole number in [from, to). */
  between(from: number, to: number): number;
  /** True with the given probability in [0, 1]. */
  chance(probability: number): boolean;
  /** One of a non-empty list. */
  pick<T>(items: readonly T[]): T;
  /** An independent stream, so that drawing more from one does not shift the others. */
  fork(): Prng;
}

function splitMix(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** Makes a generator; `seed` is any number, its low 53 bits count. */
export function createPrng(seed: number): Prng {
  const mix = splitMix((seed ^ Math.floor(seed / 0x100000000)) >>> 0);
  let a = mix();
  let b = mix();
  let c = mix();
  let d = mix() | 1;
  const next = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };
  const prng: Prng = {
    next,
    float: () => next() / 0x100000000,
    between: (from, to) => from + Math.floor((next() / 0x100000000) * (to - from)),
    chance: (probability) => next() / 0x100000000 < probability,
    pick: (items) => {
      const item = items[Math.floor((next() / 0x100000000) * items.length)];
      if (item === undefined) throw new RangeError("Cannot pick from an empty list");
      return item;
    },
    fork: () => createPrng(next()),
  };
  return prng;
}

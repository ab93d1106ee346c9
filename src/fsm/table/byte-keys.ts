import { copyBytes } from "../../base/index.ts";

/** The first key after all keys that start with `prefix`; undefined when there is none (only 0xff bytes, or empty). */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  let size = prefix.length;
  while (size > 0 && prefix[size - 1] === 0xff) size--;
  if (size === 0) return undefined;
  const end = copyBytes(prefix, 0, size);
  end[size - 1] = (prefix[size - 1] ?? 0) + 1;
  return end;
}

/** The smallest key greater than `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

export function startsWithBytes(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (key[i] !== prefix[i]) return false;
  }
  return true;
}

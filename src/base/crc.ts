import { crc32 as nativeCrc32 } from "node:zlib";

/** CRC-32 (IEEE) of `bytes`, continued from `seed`; an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return nativeCrc32(bytes, seed);
}

/** `size` random bytes as lower-case hex digits. */
export function randomHex(size: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(size))).toString("hex");
}

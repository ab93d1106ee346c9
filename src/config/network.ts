import { isIP } from "node:net";

/** A range of addresses. */
export interface Network {
  readonly address: string;
  /** Length of the prefix. */
  readonly bits: number;
}

/** "10.0.0.0/8", "fd00::/8", or one address; undefined: no network. */
export function parseNetwork(text: string): Network | undefined {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const bitsMax = version === 4 ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return undefined;
  const length = bits === undefined ? bitsMax : Number(bits);
  return length > bitsMax ? undefined : { address, bits: length };
}

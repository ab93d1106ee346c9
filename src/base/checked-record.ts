import { utf8 } from "./bytes.ts";
import { crc32 } from "./crc.ts";

/** A line of JSON that shows when a bit of it has changed. */
export function encodeCheckedRecord(fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...fields, crc: checksum(fields) })}\n`;
}

/** Undefined: it is not what was written. A record without a checksum is of an older release, and taken as it is. */
export function decodeCheckedRecord(text: string): ReadonlyMap<string, unknown> | undefined {
  const found = parse(text);
  if (typeof found !== "object" || found === null) return undefined;
  const { crc, ...fields }: { readonly crc?: unknown } & Readonly<Record<string, unknown>> = { ...found };
  if (crc !== undefined && crc !== checksum(fields)) return undefined;
  return new Map(Object.entries(fields));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checksum(fields: Readonly<Record<string, unknown>>): number {
  return crc32(utf8(JSON.stringify(fields)));
}

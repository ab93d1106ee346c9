declare global {
  interface JSON {
    /** A piece of JSON text that `stringify` puts out as it is. */
    rawJSON(text: string): unknown;
  }
}

/** Numbers in the field `flags` come as their text: a double holds only 53 of its 64 bits. @throws SyntaxError */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (name: string, value: unknown, context?: { readonly source?: string }) =>
    name === "flags" && typeof value === "number" ? (context?.source ?? String(value)) : value,
  );
}

/** A 64-bit number as a JSON number with all its digits. */
export function exactNumber(value: bigint): unknown {
  // Nearly all flags: a comparison of others with a double costs ten times as much.
  if (value === 0n) return 0;
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value);
  return JSON.rawJSON(value.toString());
}

import { fromUtf8 } from "../base/index.ts";

/** A value as JSON shows it: text where it is UTF-8, else base64. */
export function valueFields(value: Uint8Array): { readonly value: string } | { readonly value_base64: string } {
  try {
    return { value: fromUtf8(value) };
  } catch {
    return { value_base64: Buffer.from(value).toString("base64") };
  }
}

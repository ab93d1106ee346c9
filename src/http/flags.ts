import { badRequest } from "./errors.ts";

const MAX = 2n ** 64n - 1n;

/** 0 to 2^64-1, as text or number. @throws ApiError */
export function parseFlags(value: unknown): bigint {
  if (value === undefined || value === null) return 0n;
  const text = typeof value === "number" || typeof value === "string" ? String(value) : "";
  const flags = /^\d{1,20}$/.test(text) ? BigInt(text) : MAX + 1n;
  if (flags > MAX)
    throw badRequest("flags", `must be a whole number from 0 to 18446744073709551615: it is ${JSON.stringify(value)}`);
  return flags;
}

import { isUtf8 } from "node:buffer";
import { fromUtf8, utf8 } from "../base/index.ts";
import { ApiError, badRequest } from "./errors.ts";

export const KEY_BYTES_MAX = 1024;

const KEYS = "/kv/";

/** Whether the route of single keys answers this path: all below `/kv/` but `/kv/txn`, which takes transactions, too. */
export function isKeyPath(path: string): boolean {
  return path.startsWith(KEYS) && path.length > KEYS.length && path !== "/kv/txn";
}

/** As it stands in the path, still percent-encoded. */
export function rawKeyOf(path: string): string {
  return path.slice(KEYS.length);
}

/** Undoes percent-encoding byte by byte; `+` stays a plus. */
export function percentDecode(raw: string): Uint8Array {
  if (!raw.includes("%")) return utf8(raw);
  const bytes: number[] = [];
  for (let at = 0; at < raw.length; at += 1) {
    const hex = raw.slice(at + 1, at + 3);
    if (raw[at] !== "%") bytes.push(...utf8(raw[at] ?? ""));
    else if (/^[0-9A-Fa-f]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else throw new ApiError("invalid_key", `The key has a "%" that no two hexadecimal digits follow, at ${at}`);
  }
  return new Uint8Array(bytes);
}

/** The very name that is meant, all of it: reading it less strictly could give another one's. @throws ApiError bad_request */
export function decodeName(raw: string): string {
  try {
    return fromUtf8(percentDecode(raw));
  } catch {
    throw badRequest("name", "must be percent-encoded UTF-8");
  }
}

/** The very key that is stored. @throws ApiError invalid_key */
export function checkKey(key: Uint8Array): Uint8Array {
  if (key.length === 0) throw new ApiError("invalid_key", "The key is empty: a key has 1 to 1024 bytes");
  return checkPrefix(key);
}

/** What is there already can be read and deleted, whatever may be written. @throws ApiError invalid_key */
export function checkWrittenKey(key: Uint8Array, bytesMax: number): Uint8Array {
  if (key.length > bytesMax)
    throw new ApiError("invalid_key", `The key has ${key.length} bytes, where limits.max_key_bytes allows ${bytesMax}`);
  return key;
}

/** A prefix may be empty, the rest as a key. @throws ApiError invalid_key */
export function checkPrefix(prefix: Uint8Array): Uint8Array {
  if (prefix.length > KEY_BYTES_MAX) {
    throw new ApiError("invalid_key", `The key has ${prefix.length} bytes: a key has 1 to ${KEY_BYTES_MAX}`);
  }
  if (prefix.includes(0)) throw new ApiError("invalid_key", "The key holds a NUL byte");
  if (!isUtf8(prefix)) throw new ApiError("invalid_key", "The key is not UTF-8");
  return prefix;
}

/** A key, and the same as text. */
export interface NamedKey {
  readonly key: Uint8Array;
  readonly keyText: string;
}

/** The very key that a percent-encoded text means. @throws ApiError invalid_key */
export function parseKey(raw: string): NamedKey {
  const plain = plainKey(raw);
  if (plain !== undefined) return { key: plain, keyText: raw };
  const key = checkKey(percentDecode(raw));
  return { key, keyText: fromUtf8(key) };
}

const PERCENT = 0x25;

/** Most keys are ASCII as it is: a loop over these costs less than each of the calls that the others need. Undefined: another. */
export function plainKey(raw: string): Uint8Array | undefined {
  if (raw.length === 0 || raw.length > KEY_BYTES_MAX) return undefined;
  const key = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) {
    const code = raw.charCodeAt(at);
    if (code === 0 || code > 0x7f || code === PERCENT) return undefined;
    key[at] = code;
  }
  return key;
}

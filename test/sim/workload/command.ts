import { ByteReader, ByteWriter } from "../../../src/base/index.ts";

/** What a client asks for; values are unique in a run. */
export type KvWrite =
  | { readonly kind: "put"; readonly key: number; readonly value: number }
  /** Only when the row was last written at index `expected`; 0: only when there is none. */
  | { readonly kind: "cas"; readonly key: number; readonly value: number; readonly expected: number };

export type KvWriteResult = { readonly kind: "written"; readonly index: number } | { readonly kind: "conflict" };

export interface KvRead {
  readonly value: number;
  readonly index: number;
}

/** Bytes behind each command, so that messages and snapshots are cut in several places. */
const FILLER = new Uint8Array(24);

export function encodeWrite(write: KvWrite): Uint8Array {
  const out = new ByteWriter(48).u8(write.kind === "put" ? 1 : 2).u8(write.key);
  out.u53(write.value).u53(write.kind === "cas" ? write.expected : 0);
  return out.raw(FILLER.subarray(0, write.value % FILLER.length)).finish();
}

export function decodeWrite(bytes: Uint8Array): KvWrite {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const key = reader.u8();
  const value = reader.u53();
  const expected = reader.u53();
  return kind === 1 ? { kind: "put", key, value } : { kind: "cas", key, value, expected };
}

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
/** Added to the kind of a command that releases before this command version do not know. */
const NEWER = 2;

/** `version`: the command version to write it in. */
export function encodeWrite(write: KvWrite, version = 1): Uint8Array {
  const kind = write.kind === "put" ? 1 : 2;
  const out = new ByteWriter(48).u8(version < NEWER ? kind : kind + NEWER).u8(write.key);
  out.u53(write.value).u53(write.kind === "cas" ? write.expected : 0);
  return out.raw(FILLER.subarray(0, write.value % FILLER.length)).finish();
}

export function decodeWrite(bytes: Uint8Array): KvWrite {
  const reader = new ByteReader(bytes);
  const isPut = reader.u8() % NEWER === 1;
  const key = reader.u8();
  const value = reader.u53();
  const expected = reader.u53();
  return isPut ? { kind: "put", key, value } : { kind: "cas", key, value, expected };
}

/** The command version that a reader must know. */
export function versionOfWrite(bytes: Uint8Array): number {
  return (bytes[0] ?? 0) > NEWER ? NEWER : 1;
}

import { ByteReader, ByteWriter, MalformedBytes } from "../../base/index.ts";

/**
 * A backup file: eight bytes of magic, then records of u8 tag, u32 size (little-endian), payload:
 *
 *   header   JSON: what it is of
 *   data     a part of the encoded state, compressed with zstd; any number
 *   trailer  JSON: what the state must add up to, and the SHA-256 of every byte before this record
 */
export const MAGIC = "KONSULB1";
export const TAGS = { header: 1, data: 2, trailer: 3 } as const;

/** One record; a state is cut into parts of a fraction of this. */
export const RECORD_BYTES_MAX = 8 * 1024 * 1024;

export interface BackupHeader {
  readonly clusterId: string;
  readonly index: number;
  readonly time: number;
  readonly version: string;
  /** Wall clock, ISO 8601. */
  readonly takenAt: string;
}

export interface BackupTrailer {
  readonly stateHash: string;
  readonly hashVersion: number;
  readonly stateBytes: number;
  readonly sha256: string;
}

/** Bytes that are no backup, or not what they once were. */
export class BackupDamaged extends Error {
  override readonly name = "BackupDamaged";
}

export function record(tag: number, payload: Uint8Array): Uint8Array {
  return new ByteWriter(payload.length + 5).u8(tag).u32(payload.length).raw(payload).finish();
}

export function headerText({ clusterId, index, time, version, takenAt }: BackupHeader): string {
  return JSON.stringify({
    cluster_id: clusterId,
    index,
    cluster_time: time,
    konsul_version: version,
    taken_at: takenAt,
  });
}

export function trailerText({ stateHash, hashVersion, stateBytes, sha256 }: BackupTrailer): string {
  return JSON.stringify({ state_hash: stateHash, hash_version: hashVersion, state_bytes: stateBytes, sha256 });
}

/** @throws BackupDamaged */
export function parseHeader(payload: Uint8Array): BackupHeader {
  const fields = parseFields(payload);
  return {
    clusterId: text(fields, "cluster_id"),
    index: integer(fields, "index"),
    time: integer(fields, "cluster_time"),
    version: text(fields, "konsul_version"),
    takenAt: text(fields, "taken_at"),
  };
}

/** @throws BackupDamaged */
export function parseTrailer(payload: Uint8Array): BackupTrailer {
  const fields = parseFields(payload);
  return {
    stateHash: text(fields, "state_hash"),
    hashVersion: integer(fields, "hash_version"),
    stateBytes: integer(fields, "state_bytes"),
    sha256: text(fields, "sha256"),
  };
}

function parseFields(payload: Uint8Array): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
  } catch {
    throw new BackupDamaged("one of its descriptions is no JSON");
  }
}

function text(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value === "string") return value;
  throw new BackupDamaged(`it does not say its ${name}`);
}

function integer(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name);
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new BackupDamaged(`it does not say its ${name}`);
}

/** The next record of `bytes`, or undefined when it is not complete yet. @throws BackupDamaged */
export function nextRecord(
  bytes: Uint8Array,
): { readonly tag: number; readonly payload: Uint8Array; readonly size: number } | undefined {
  if (bytes.length < 5) return undefined;
  try {
    const reader = new ByteReader(bytes);
    const [tag, length] = [reader.u8(), reader.u32()];
    if (length > RECORD_BYTES_MAX) throw new BackupDamaged(`a record claims ${length} bytes`);
    return bytes.length < 5 + length ? undefined : { tag, payload: reader.raw(length), size: 5 + length };
  } catch (cause) {
    if (cause instanceof MalformedBytes) throw new BackupDamaged(cause.message);
    throw cause;
  }
}

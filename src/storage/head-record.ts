import { assert, ByteReader, ByteWriter, crc32, MalformedBytes, type BootId, type LogIndex } from "../base/index.ts";
import type { Identity } from "../node/index.ts";
import type { EntryId, HardState } from "../raft/index.ts";

/** Version of raft.db, witness and head record together. A binary refuses what is newer than this. */
export const LOG_FORMAT = 1;

const MAGIC = 0x4b48_4431;

/** One sector: whatever tears, a record of this size does not. */
export const HEAD_BYTES_MAX = 512;

/** Where a log begins: behind this entry, which a snapshot contains. */
export interface LogStart extends EntryId {
  readonly time: number;
  /** Index of the membership entry in force here; 0: none known. */
  readonly membershipIndex: LogIndex;
}

/** The promises of this disk in one record: written in every transaction of raft.db and then copied to the witness. */
export interface HeadRecord {
  /** Number of transactions so far, but for purges. Rises by one in each and never falls: the one number that is compared at start. */
  readonly seq: number;
  /** The process start that wrote it; empty before the first transaction. */
  readonly boot: BootId;
  readonly hard: HardState;
  /** The entry before the first one of the log. */
  readonly base: LogStart;
  /** The last entry of the log; the base when the log is empty. */
  readonly last: EntryId & { readonly time: number };
  /** Index of the newest membership entry at or below `last`; 0: none known. */
  readonly membershipIndex: number;
  /** Committed at least up to here. Lazy: may be behind. */
  readonly commitHint: number;
  readonly identity: Identity | undefined;
}

export const EMPTY_HEAD: HeadRecord = {
  seq: 0,
  boot: "",
  hard: { term: 0, vote: undefined },
  base: { index: 0, term: 0, chain: 0, time: 0, membershipIndex: 0 },
  last: { index: 0, term: 0, chain: 0, time: 0 },
  membershipIndex: 0,
  commitHint: 0,
  identity: undefined,
};

export class NewerFormat extends Error {
  override readonly name = "NewerFormat";
}

/** A record is written into it and copied out: every transaction makes one. */
const scratch = new ByteWriter(HEAD_BYTES_MAX);

/** Little-endian: magic u32, format u8, the fields, CRC-32 over all of it. */
export function encodeHead(head: HeadRecord): Uint8Array {
  assert(head.base.index <= head.last.index, "The log must not end before its base");
  const writer = scratch.restart().u32(MAGIC).u8(LOG_FORMAT).u53(head.seq).text(head.boot);
  writer.u53(head.hard.term).text(head.hard.vote ?? "");
  writeLogStart(writer, head.base);
  writeEntryId(writer, head.last);
  writer.u53(head.membershipIndex).u53(head.commitHint);
  writeIdentity(writer, head.identity);
  writer.u32(crc32(writer.view()));
  assert(writer.length <= HEAD_BYTES_MAX, "A head record must fit into one sector");
  return writer.finish();
}

/** Bytes behind the record are ignored. @throws MalformedBytes, NewerFormat */
export function decodeHead(bytes: Uint8Array): HeadRecord {
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new MalformedBytes("This is no head record");
  const format = reader.u8();
  const seq = reader.u53();
  const boot = reader.text(64);
  const term = reader.u53();
  const vote = reader.text(256);
  const base = readLogStart(reader);
  const last = readEntryId(reader);
  const membershipIndex = reader.u53();
  const commitHint = reader.u53();
  const identity = readIdentity(reader);
  const size = bytes.length - reader.remaining;
  if (reader.u32() !== crc32(bytes.subarray(0, size))) throw new MalformedBytes("The head record's checksum is wrong");
  // Asked last: a flipped bit in the version must not look like a newer binary's record.
  if (format > LOG_FORMAT) throw new NewerFormat(`Format ${format} is newer than ${LOG_FORMAT}`);
  if (base.index > last.index) throw new MalformedBytes("The head record's log ends before its base");
  const hard = { term, vote: vote === "" ? undefined : vote };
  return { seq, boot, hard, base, last, membershipIndex, commitHint, identity };
}

export function writeEntryId(writer: ByteWriter, id: EntryId & { readonly time: number }): void {
  writer.u53(id.index).u53(id.term).u32(id.chain).u53(id.time);
}

export function readEntryId(reader: ByteReader): EntryId & { readonly time: number } {
  return { index: reader.u53(), term: reader.u53(), chain: reader.u32(), time: reader.u53() };
}

export function writeLogStart(writer: ByteWriter, start: LogStart): void {
  writeEntryId(writer, start);
  writer.u53(start.membershipIndex);
}

export function readLogStart(reader: ByteReader): LogStart {
  return { ...readEntryId(reader), membershipIndex: reader.u53() };
}

/** It never changes and is the longest part of a record, of which every transaction writes one. */
const encodedIdentities = new WeakMap<Identity, Uint8Array>();

/** First what follows: 0 nothing, 1 an identity without a secret, 2 one with it. */
export function writeIdentity(writer: ByteWriter, identity: Identity | undefined): void {
  if (identity === undefined) return void writer.u8(0);
  let bytes = encodedIdentities.get(identity);
  if (bytes === undefined) {
    bytes = encodeIdentity(identity);
    encodedIdentities.set(identity, bytes);
  }
  writer.raw(bytes);
}

function encodeIdentity(identity: Identity): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES_MAX).u8(identity.peerSecret === undefined ? 1 : 2);
  writer.text(identity.clusterId).u53(identity.epoch.counter).text(identity.epoch.random);
  writer.text(identity.nodeId).text(identity.incarnation);
  if (identity.peerSecret !== undefined) writer.text(identity.peerSecret);
  return writer.finish();
}

export function readIdentity(reader: ByteReader): Identity | undefined {
  const kind = reader.u8();
  if (kind === 0) return undefined;
  const clusterId = reader.text(64);
  const epoch = { counter: reader.u53(), random: reader.text(16) };
  const identity = { clusterId, epoch, nodeId: reader.text(64), incarnation: reader.text(32) };
  return kind === 1 ? identity : { ...identity, peerSecret: reader.text(96) };
}

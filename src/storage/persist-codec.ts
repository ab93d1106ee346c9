import { MalformedBytes, type ByteReader, type ByteWriter, type LogIndex } from "../base/index.ts";
import { ENTRY_KINDS, entrySize, type Entry, type EntryId, type HardState, type Persist } from "../raft/index.ts";
import { readEntryId, readLogStart, writeEntryId, writeLogStart, type LogStart } from "./head-record.ts";

/** A `Persist` as the disk sees it: no ticket, and of a snapshot only where it ends. */
export interface LogOperation {
  readonly hard: HardState | undefined;
  readonly truncateFrom: LogIndex | undefined;
  readonly append: readonly Entry[];
  readonly compactTo: (EntryId & { readonly time: number }) | undefined;
  readonly reset: LogStart | undefined;
}

const HARD = 1;
const TRUNCATE = 2;
const COMPACT = 4;
const RESET = 8;

/** The bytes never leave this process and binary: no version needed. */
export function writeOperations(writer: ByteWriter, operations: readonly Persist[]): void {
  writer.u32(operations.length);
  for (const operation of operations) writeOperation(writer, operation);
}

export function toOperation({ hard, truncateFrom, append, compactTo, reset }: Persist): LogOperation {
  return { hard, truncateFrom, append: append ?? [], compactTo, reset };
}

function writeOperation(writer: ByteWriter, operation: Persist): void {
  const { hard, truncateFrom, append, compactTo, reset } = operation;
  writer.u8(
    (hard === undefined ? 0 : HARD) |
      (truncateFrom === undefined ? 0 : TRUNCATE) |
      (compactTo === undefined ? 0 : COMPACT) |
      (reset === undefined ? 0 : RESET),
  );
  if (reset !== undefined) writeLogStart(writer, reset);
  if (truncateFrom !== undefined) writer.u53(truncateFrom);
  writeEntries(writer, append ?? []);
  if (compactTo !== undefined) writeEntryId(writer, compactTo);
  if (hard !== undefined) writer.u53(hard.term).text(hard.vote ?? "");
}

export function readOperations(reader: ByteReader): readonly LogOperation[] {
  const operations: LogOperation[] = [];
  for (let count = reader.u32(); count > 0; count--) operations.push(readOperation(reader));
  return operations;
}

function readOperation(reader: ByteReader): LogOperation {
  const flags = reader.u8();
  const reset = (flags & RESET) === 0 ? undefined : readLogStart(reader);
  const truncateFrom = (flags & TRUNCATE) === 0 ? undefined : reader.u53();
  const append = readEntries(reader);
  const compactTo = (flags & COMPACT) === 0 ? undefined : readEntryId(reader);
  const hard = (flags & HARD) === 0 ? undefined : readHard(reader);
  return { hard, truncateFrom, append, compactTo, reset };
}

function readHard(reader: ByteReader): HardState {
  const term = reader.u53();
  const vote = reader.text();
  return { term, vote: vote === "" ? undefined : vote };
}

export function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  writer.u32(entries.length);
  for (const entry of entries) writeEntry(writer, entry);
}

/** More than they take when they are written. */
export function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entrySize(entry), 0);
}

export function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.u53(entry.index).u53(entry.term).u8(ENTRY_KINDS.indexOf(entry.kind)).u53(entry.time);
  writer.u32(entry.chain).bytes(entry.data);
}

export function readEntries(reader: ByteReader): readonly Entry[] {
  const entries: Entry[] = [];
  for (let count = reader.u32(); count > 0; count--) entries.push(readEntry(reader));
  return entries;
}

export function readEntry(reader: ByteReader): Entry {
  const index = reader.u53();
  const term = reader.u53();
  const kind = ENTRY_KINDS[reader.u8()];
  if (kind === undefined) throw new MalformedBytes(`Entry ${index} is of an unknown kind`);
  return { index, term, kind, time: reader.u53(), chain: reader.u32(), data: reader.bytes() };
}

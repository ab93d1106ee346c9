import type { ByteReader, ByteWriter } from "../base/index.ts";
import type { EarlyEntries, RecoveredLog } from "../raft/index.ts";
import { bytesOf, readEntries, writeEntries } from "./persist-codec.ts";

/** Of one early entry: term, chain and stamp. */
const EARLY_BYTES = 8 + 4 + 8;
const FIXED_BYTES = 64;

/** More than it takes when it is written. */
export function recoveredBytes({ early, entries }: RecoveredLog): number {
  const own = early?.own ?? [];
  return FIXED_BYTES + (early?.terms.length ?? 0) * EARLY_BYTES + bytesOf(own) + bytesOf(entries);
}

/** The bytes never leave this process: in its own byte order, and without a version. */
export function writeRecovered(writer: ByteWriter, { base, early, entries }: RecoveredLog): void {
  writer.u53(base.index).u53(base.term).u32(base.chain).u53(base.time);
  writer.u8(Number(early !== undefined));
  if (early !== undefined) writeEarly(writer, early);
  writeEntries(writer, entries);
}

function writeEarly(writer: ByteWriter, { terms, chains, times, own }: EarlyEntries): void {
  for (const column of [Float64Array.from(terms), Uint32Array.from(chains), Float64Array.from(times)]) {
    writer.bytes(new Uint8Array(column.buffer));
  }
  writeEntries(writer, own);
}

export function readRecovered(reader: ByteReader): RecoveredLog {
  const base = { index: reader.u53(), term: reader.u53(), chain: reader.u32(), time: reader.u53() };
  const early = reader.u8() === 1 ? readEarly(reader) : undefined;
  const entries = readEntries(reader);
  return early === undefined ? { base, entries } : { base, early, entries };
}

function readEarly(reader: ByteReader): EarlyEntries {
  const column = (): ArrayBuffer => reader.bytes().slice().buffer;
  const terms = new Float64Array(column());
  const chains = new Uint32Array(column());
  const times = new Float64Array(column());
  return { terms, chains, times, own: readEntries(reader) };
}

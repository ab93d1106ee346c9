import { ByteReader, ByteWriter, MalformedBytes, type BootId, type MemberKey } from "../base/index.ts";

/** What a pair once promised: that its disk holds this many transactions, said by this process of it. */
export interface PairSeq {
  readonly key: MemberKey;
  readonly boot: BootId;
  readonly seq: number;
}

/** First byte of the data of a `check` entry. */
const FORMAT = 1;
const COUNT_MAX = 10_000;

/** The data of a `check` entry. */
export function encodeCheck(seqs: readonly PairSeq[]): Uint8Array {
  const out = new ByteWriter().u8(FORMAT);
  writePairSeqs(out, seqs);
  return out.finish();
}

/** @throws MalformedBytes */
export function decodeCheck(bytes: Uint8Array): readonly PairSeq[] {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== FORMAT) throw new MalformedBytes(`Cannot read a check entry of format ${format}: known is ${FORMAT}`);
  const seqs = readPairSeqs(reader);
  reader.end();
  return seqs;
}

export function writePairSeqs(out: ByteWriter, seqs: readonly PairSeq[]): void {
  out.u32(seqs.length);
  for (const { key, boot, seq } of seqs) out.text(key).text(boot).u53(seq);
}

/** @throws MalformedBytes */
export function readPairSeqs(reader: ByteReader): readonly PairSeq[] {
  const count = reader.u32();
  if (count > COUNT_MAX) throw new MalformedBytes(`Cannot read the counters of ${count} pairs: limit is ${COUNT_MAX}`);
  const seqs: PairSeq[] = [];
  for (let i = 0; i < count; i += 1) seqs.push({ key: reader.text(), boot: reader.text(), seq: reader.u53() });
  return seqs;
}

import { ByteReader, ByteWriter } from "../base/index.ts";
import type { TracedEntry } from "../telemetry/index.ts";

const VERSION = 1;
const ENTRIES_MAX = 65_535;

/** Tells a follower which of the entries that are about to come belong to a trace. */
export function encodeTraces(entries: readonly TracedEntry[]): Uint8Array {
  const told = entries.slice(0, ENTRIES_MAX);
  const out = new ByteWriter().u8(VERSION).u16(told.length);
  for (const { index, term, traceparent } of told) out.u53(index).u53(term).text(traceparent);
  return out.finish();
}

/** Nothing, when it is of a version that is unknown here: a trace is no reason to refuse anything. @throws MalformedBytes */
export function decodeTraces(bytes: Uint8Array): readonly TracedEntry[] {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return [];
  return Array.from({ length: reader.u16() }, () => ({
    index: reader.u53(),
    term: reader.u53(),
    traceparent: reader.text(64),
  }));
}

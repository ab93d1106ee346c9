import { ByteWriter, crc32, writeU32, type LogIndex, type Term } from "../base/index.ts";

/**
 * What an entry is for. `command`: bytes for the state machine. `membership`: an encoded {@link Membership}.
 * `noop`: a new leader's first entry. `check`: what the members' disks have promised, see `rollback.ts`.
 */
export type EntryKind = "noop" | "command" | "membership" | "check";

/** The order is part of the format on disk and wire: append only. */
export const ENTRY_KINDS: readonly EntryKind[] = ["noop", "command", "membership", "check"];

/** One log entry. Frozen once made; `data` is never written to. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  /** Cluster time in ms, stamped by the leader: never decreases along the log, independent of wall clocks. */
  readonly time: number;
  readonly data: Uint8Array;
  /** Checksum over this entry and all before it: equal chains mean equal logs. Unsigned 32-bit. */
  readonly chain: number;
}

/** What is known of an entry without its data. */
export interface EntryId {
  readonly index: LogIndex;
  readonly term: Term;
  readonly chain: number;
}

/** An entry's id and its stamp of cluster time. */
export type EntryPoint = EntryId & { readonly time: number };

const header = new Uint8Array(21);

/** The chain value of an entry that follows one with chain value `previous`. */
export function chainAfter(previous: number, entry: Omit<Entry, "chain">): number {
  writeU32(header, 0, entry.index >>> 0);
  writeU32(header, 4, Math.floor(entry.index / 0x100000000));
  writeU32(header, 8, entry.term >>> 0);
  header[12] = ENTRY_KINDS.indexOf(entry.kind);
  writeU32(header, 13, entry.time >>> 0);
  writeU32(header, 17, Math.floor(entry.time / 0x100000000));
  return crc32(entry.data, crc32(header, previous));
}

/** The chain value before the first entry of a cluster: bound to the cluster and its epoch. */
export function chainStart(clusterId: string, epoch: { readonly counter: number; readonly random: string }): number {
  return crc32(new ByteWriter().text(clusterId).u53(epoch.counter).text(epoch.random).view());
}

/** Bytes an entry counts for in every limit: its data and a fixed part for the rest. */
export function entrySize(entry: { readonly data: Uint8Array }): number {
  return entry.data.length + 48;
}

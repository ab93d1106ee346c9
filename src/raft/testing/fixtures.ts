import { memberKey, type LogIndex, type MemberKey } from "../../base/index.ts";
import type { CoreOptions, RaftLimits, RaftTiming } from "../core-types.ts";
import type { HardState, Persist } from "../effects.ts";
import { chainAfter, chainStart, type Entry } from "../entry.ts";
import { encodeMembership } from "../membership-codec.ts";
import { EMPTY_MEMBERSHIP, type Member, type Membership } from "../membership.ts";
import type { SnapshotMeta } from "../snapshot-meta.ts";

export const CLUSTER_ID = "0123456789abcdef0123456789abcdef";
export const EPOCH = { counter: 1, random: "00000000" };
export const TIMING: RaftTiming = { heartbeatTimeoutMs: 1000, electionTimeoutMs: 1000, leaderLeaseTimeoutMs: 500 };
export const LIMITS: RaftLimits = {
  inflightCountMax: 64,
  inflightBytesMax: 1 << 20,
  messageBytesMax: 1 << 16,
  unappliedBytesMax: 1 << 22,
  cacheBytesMax: 1 << 22,
  snapshotSendsMax: 2,
};

export function keyOf(id: string, incarnation = "0000000000000001"): MemberKey {
  return memberKey(id, incarnation);
}

/** The process of a node that was never restarted. */
export function bootOf(id: string, starts = 1): string {
  return `${id}-${starts}`;
}

export function memberOf(id: string, more: Partial<Member> = {}): Member {
  return {
    id,
    incarnation: "0000000000000001",
    name: id,
    address: `${id}:8300`,
    httpAddress: `${id}:8500`,
    zone: "",
    version: "1",
    commandVersion: 1,
    nonVoter: false,
    admitted: 1,
    publicKey: "",
    ...more,
  };
}

export function membershipOf(
  voters: readonly string[],
  learners: readonly string[] = [],
  more: Partial<Membership> = {},
): Membership {
  const members = new Map([...voters, ...learners].toSorted().map((id) => [keyOf(id), memberOf(id)]));
  return {
    ...EMPTY_MEMBERSHIP,
    voters: voters.map((id) => keyOf(id)),
    learners: learners.map((id) => keyOf(id)),
    members,
    ...more,
  };
}

/** An entry that follows another, or the first of all. */
export function entryAfter(
  previous: Pick<Entry, "index" | "chain" | "time"> | undefined,
  body: { readonly term: number } & Partial<Entry>,
): Entry {
  const index = (previous?.index ?? 0) + 1;
  const { chain = chainStart(CLUSTER_ID, EPOCH), time = 0 } = previous ?? {};
  const entry = { kind: "command" as const, data: new Uint8Array([index & 255]), time, ...body, index };
  return { ...entry, chain: chainAfter(chain, entry) };
}

/** What a disk holds. Writes arrive in it only when the test says so. */
export interface Disk {
  hard: HardState;
  base: { readonly index: LogIndex; readonly term: number; readonly chain: number; readonly time: number };
  entries: Entry[];
  seq: number;
  snapshot: SnapshotMeta | undefined;
}

export function emptyDisk(): Disk {
  return {
    hard: { term: 0, vote: undefined },
    base: { index: 0, term: 0, chain: chainStart(CLUSTER_ID, EPOCH), time: 0 },
    entries: [],
    seq: 0,
    snapshot: undefined,
  };
}

/** A disk whose log begins with a membership, as bootstrap leaves it. */
export function bootstrappedDisk(membership: Membership): Disk {
  const first = entryAfter(undefined, { term: 1, kind: "membership", data: encodeMembership(membership) });
  return { ...emptyDisk(), hard: { term: 1, vote: undefined }, entries: [first], seq: 1 };
}

export function writeToDisk(disk: Disk, persist: Persist): void {
  const { reset, truncateFrom, append, compactTo, hard } = persist;
  if (reset !== undefined) {
    const { index, term, chain, time } = reset;
    disk.base = { index, term, chain, time };
    disk.entries = [];
    disk.snapshot = reset;
  }
  if (truncateFrom !== undefined) disk.entries = disk.entries.filter((entry) => entry.index < truncateFrom);
  if (append !== undefined) disk.entries.push(...append);
  if (compactTo !== undefined) {
    disk.base = compactTo;
    disk.entries = disk.entries.filter((entry) => entry.index > compactTo.index);
  }
  if (hard !== undefined) disk.hard = hard;
  disk.seq += 1;
}

export function optionsFor(id: string, disk: Disk, more: Partial<CoreOptions> = {}): CoreOptions {
  return {
    self: keyOf(id),
    boot: bootOf(id),
    clusterId: CLUSTER_ID,
    epoch: EPOCH,
    hard: disk.hard,
    seq: disk.seq,
    log: { base: disk.base, entries: [...disk.entries] },
    snapshot: disk.snapshot,
    applied: disk.snapshot?.index ?? 0,
    commitHint: 0,
    timing: TIMING,
    limits: LIMITS,
    commandVersion: 1,
    random: () => 0.5,
    now: 0,
    ...more,
  };
}

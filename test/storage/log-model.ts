import { createPrng, defined, type Prng } from "../../src/base/index.ts";
import type { Identity, StoredState } from "../../src/node/index.ts";
import {
  chainAfter,
  chainStart,
  EMPTY_MEMBERSHIP,
  type Entry,
  type EntryId,
  type HardState,
  type Persist,
} from "../../src/raft/index.ts";
import { metaAt } from "../../src/raft/testing/messages.ts";
import type { HeadRecord } from "../../src/storage/head-record.ts";

export const IDENTITY: Identity = {
  clusterId: "0123456789abcdef0123456789abcdef",
  epoch: { counter: 1, random: "89abcdef" },
  nodeId: "a",
  incarnation: "00000000000000a1",
};
export const BOOT = "00000000000000b1";

/** What a log store must hold: the dull second implementation. */
export interface LogModel {
  readonly seq: number;
  readonly hard: HardState;
  readonly base: EntryId & { readonly time: number };
  readonly entries: readonly Entry[];
}

export interface LogStep {
  readonly operations: readonly Persist[];
  readonly after: LogModel;
}

/** The model after bootstrap, and the first entry. */
export function bootstrapModel(): LogModel {
  const base = { index: 0, term: 0, chain: chainStart(IDENTITY.clusterId, IDENTITY.epoch), time: 0 };
  return { seq: 1, hard: { term: 1, vote: undefined }, base, entries: [nextEntry(base, 1, new Uint8Array(0))] };
}

export function lastOf(model: LogModel): EntryId & { readonly time: number } {
  return model.entries.at(-1) ?? model.base;
}

function nextEntry(last: EntryId & { readonly time: number }, term: number, data: Uint8Array): Entry {
  const entry = { index: last.index + 1, term, kind: "command", time: last.time + 1, data } as const;
  return { ...entry, chain: chainAfter(last.chain, entry) };
}

/** The transaction number `step` of the workload `seed`: everything follows from the model before it. */
export function nextStep(model: LogModel, seed: number, step: number): LogStep {
  const prng = createPrng(seed * 1_000_003 + step);
  const operations: Persist[] = [];
  let after = model;
  for (let count = prng.between(1, 4); count > 0; count--) {
    const operation = pickOperation(after, prng);
    operations.push({ ...operation, ticket: step });
    after = applyOperation(after, operation);
  }
  return { operations, after: { ...after, seq: model.seq + 1 } };
}

function pickOperation(model: LogModel, prng: Prng): Omit<Persist, "ticket"> {
  const last = lastOf(model);
  const { term } = model.hard;
  const roll = prng.float();
  if (roll < 0.2) {
    if (model.hard.vote === undefined && prng.chance(0.5)) return { hard: { term, vote: `v${term}~1` } };
    return { hard: { term: term + 1, vote: prng.chance(0.5) ? `v${prng.between(0, 5)}~1` : undefined } };
  }
  if (roll < 0.27 && model.entries.length > 1) {
    const truncateFrom = prng.between(model.base.index + 1, last.index + 1);
    const kept = model.entries.filter(({ index }) => index < truncateFrom);
    return { truncateFrom, append: makeEntries(kept.at(-1) ?? model.base, prng, term) };
  }
  if (roll < 0.32 && model.entries.length > 10) {
    const compactTo = defined(model.entries[prng.between(0, model.entries.length)], "an entry");
    return { compactTo };
  }
  if (roll < 0.33) return { reset: snapshotAt(model, last.index + prng.between(1, 50)) };
  return { append: makeEntries(last, prng, term) };
}

function makeEntries(from: EntryId & { readonly time: number }, prng: Prng, term: number): Entry[] {
  const entries: Entry[] = [];
  let last = from;
  for (let count = prng.between(1, 8); count > 0; count--) {
    const size = prng.chance(0.05) ? prng.between(4000, 20_000) : prng.between(0, 400);
    const fill = prng.next() & 255;
    const entry = nextEntry(last, Math.max(term, last.term), new Uint8Array(size).fill(fill));
    entries.push(entry);
    last = entry;
  }
  return entries;
}

function snapshotAt(model: LogModel, index: number): NonNullable<Persist["reset"]> {
  return metaAt(index, model.hard.term, EMPTY_MEMBERSHIP, {
    id: `s${index}`,
    clusterId: IDENTITY.clusterId,
    epoch: IDENTITY.epoch,
    chain: index * 7919,
    time: index,
    membershipIndex: 0,
  });
}

function applyOperation(model: LogModel, operation: Omit<Persist, "ticket">): LogModel {
  const { hard, truncateFrom, append, compactTo, reset } = operation;
  let { base, entries } = model;
  if (reset !== undefined) {
    base = toId(reset);
    entries = [];
  }
  if (truncateFrom !== undefined) entries = entries.filter(({ index }) => index < truncateFrom);
  if (append !== undefined) entries = [...entries, ...append];
  if (compactTo !== undefined) {
    base = toId(compactTo);
    entries = entries.filter(({ index }) => index > compactTo.index);
  }
  return { ...model, base, entries, hard: hard ?? model.hard };
}

function toId({ index, term, chain, time }: EntryId & { readonly time: number }): EntryId & { readonly time: number } {
  return { index, term, chain, time };
}

/** Undefined: what was found is exactly the model. */
export function difference(
  model: LogModel,
  found: Pick<StoredState, "seq" | "hard" | "base" | "entries">,
): string | undefined {
  const compared: readonly [string, unknown, unknown][] = [
    ["seq", model.seq, found.seq],
    ["term", model.hard.term, found.hard.term],
    ["vote", model.hard.vote, found.hard.vote],
    ["base", JSON.stringify(toId(model.base)), JSON.stringify(toId(found.base))],
    ["length", model.entries.length, found.entries.length],
  ];
  for (const [name, wanted, current] of compared) {
    if (wanted !== current) return `${name} must be ${String(wanted)}: current value is ${String(current)}`;
  }
  for (const [at, entry] of model.entries.entries()) {
    const other = found.entries[at];
    const isEqual =
      other !== undefined &&
      other.index === entry.index &&
      other.term === entry.term &&
      other.kind === entry.kind &&
      other.time === entry.time &&
      other.chain === entry.chain &&
      Buffer.compare(other.data, entry.data) === 0;
    if (!isEqual) return `entry ${entry.index} differs`;
  }
  return undefined;
}

/** The same comparison for what an inspection found. */
export function differenceToHead(model: LogModel, head: HeadRecord, entries: readonly Entry[]): string | undefined {
  return difference(model, { seq: head.seq, hard: head.hard, base: head.base, entries });
}

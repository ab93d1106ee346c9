/**
 * The few words all rooms share. A flavoured type accepts a plain number or string (so that index arithmetic
 * stays readable) but never another flavour: a Term is no LogIndex. Values that come from outside (disk, wire,
 * HTTP) go through the checking constructors below.
 */
declare const flavour: unique symbol;
type Flavoured<T, F extends string> = T & { readonly [flavour]?: F };

/** Raft term, a safe integer ≥ 0; 0 means "before the first election". */
export type Term = Flavoured<number, "Term">;
/** Log index, a safe integer ≥ 0; the first entry is 1, 0 means "nothing". */
export type LogIndex = Flavoured<number, "LogIndex">;
/** A node's name in the cluster: 1 to 64 of `A-Z a-z 0-9 . _ -`. */
export type NodeId = Flavoured<string, "NodeId">;
/** Minted with the data folder and never used again: 16 lower-case hex digits. */
export type Incarnation = Flavoured<string, "Incarnation">;
/** Minted at each process start: 16 lower-case hex digits. */
export type BootId = Flavoured<string, "BootId">;
/** Minted once per cluster: 32 lower-case hex digits. */
export type ClusterId = Flavoured<string, "ClusterId">;
/** `id~incarnation`: what votes, acknowledges and is counted. Never an id alone (vote amnesia). */
export type MemberKey = Flavoured<string, "MemberKey">;

/** The generation of a cluster: raised by `recover`, so that messages of the old generation match nobody. */
export interface Epoch {
  readonly counter: number;
  /** 8 lower-case hex digits. */
  readonly random: string;
}

/** A malformed identifier or number from outside. */
export class InvalidId extends Error {
  override readonly name = "InvalidId";
}

function safeInteger(what: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidId(`${what} must be a whole number from 0 to 2^53-1: current value is ${value}`);
  }
  return value;
}

function matching(what: string, pattern: RegExp, value: string): string {
  if (!pattern.test(value)) throw new InvalidId(`${what} must match ${pattern.source}: current value is "${value}"`);
  return value;
}

/** Checks a term read from outside. @throws InvalidId */
export function toTerm(value: number): Term {
  return safeInteger("A term", value);
}

/** Checks a log index read from outside. @throws InvalidId */
export function toLogIndex(value: number): LogIndex {
  return safeInteger("A log index", value);
}

/** Checks a node id from settings or a peer. @throws InvalidId */
export function toNodeId(value: string): NodeId {
  return matching("A node id", /^[A-Za-z0-9._-]{1,64}$/, value);
}

/** Checks an incarnation from disk or a peer. @throws InvalidId */
export function toIncarnation(value: string): Incarnation {
  return matching("An incarnation", /^[0-9a-f]{16}$/, value);
}

/** Checks a boot id from a peer. @throws InvalidId */
export function toBootId(value: string): BootId {
  return matching("A boot id", /^[0-9a-f]{16}$/, value);
}

/** Checks a cluster id from disk or a peer. @throws InvalidId */
export function toClusterId(value: string): ClusterId {
  return matching("A cluster id", /^[0-9a-f]{32}$/, value);
}

/** The pair (id, incarnation) as one comparable value. */
export function memberKey(id: NodeId, incarnation: Incarnation): MemberKey {
  return `${id}~${incarnation}`;
}

/** The parts of a member key. An id cannot hold `~`, so the split is unambiguous. */
export function parseMemberKey(key: MemberKey): { readonly id: NodeId; readonly incarnation: Incarnation } {
  const at = key.lastIndexOf("~");
  return { id: toNodeId(key.slice(0, at)), incarnation: key.slice(at + 1) };
}

export function isSameEpoch(a: Epoch, b: Epoch): boolean {
  return a.counter === b.counter && a.random === b.random;
}

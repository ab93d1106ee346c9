import type { BootId, MemberKey, Prng } from "../../../src/base/index.ts";
import type { OutgoingSnapshot, TransportReceiver } from "../../../src/node/index.ts";
import type { Message } from "../../../src/raft/index.ts";
import type { Gate } from "../gate.ts";
import type { Marks } from "../marks.ts";
import type { Scheduler } from "../scheduler.ts";
import type { NetworkOptions } from "../swarm.ts";
import type { Trace } from "../trace.ts";
import type { Links } from "./links.ts";

/** One process as the network sees it. */
export interface End {
  readonly gate: Gate;
  readonly host: number;
  readonly key: MemberKey;
  readonly boot: BootId;
  readonly receiver: TransportReceiver | undefined;
  readonly isStopped: boolean;
  /** What it says of itself in a handshake. */
  introduce(): {
    readonly key: MemberKey;
    readonly boot: BootId;
    readonly seq: number;
    readonly version: string;
    readonly commandVersion: number;
  };
  receive(messages: readonly Message[]): void;
  accept(connection: Wire): void;
  /** This end of the connection is closed. */
  close(connection: Wire): void;
  /** The other end of the connection is gone, and this one will hear of it. */
  onFarEnd(connection: Wire): void;
}

/** A connection between two ends. Each learns of its close on its own. */
export interface Wire {
  other(end: End): End;
  isClosedAt(end: End): boolean;
  closeAt(end: End): void;
  /** The time at which something due at `at` reaches this end, in order. */
  arrivalAt(end: End, at: number): number;
}

export interface RunningTransfer {
  readonly snapshot: OutgoingSnapshot;
  touches(end: End): boolean;
  finish(ok: boolean): void;
  delayLastChunk(byMs: number): void;
}

/** What is at a machine's address: a process, nothing (connections are refused), or silence. */
export type Standing = End | "refused" | "silent";

/** The network as its ends use it. */
export interface Wires {
  readonly scheduler: Scheduler;
  readonly options: NetworkOptions;
  readonly random: Prng;
  readonly links: Links;
  readonly trace: Trace;
  readonly marks: Marks;
  readonly transfers: Set<RunningTransfer>;
  /** A connection of these two ends: clones of either go before it does. */
  endClonesOf(one: End, other: End): void;
  standingAt(host: number): Standing;
  /** Everything that one turn wants to tell one peer. */
  carry(wire: Wire, from: End, messages: readonly Message[]): void;
}

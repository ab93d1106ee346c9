import type { MemberKey, Prng } from "../../../src/base/index.ts";
import type { answerPeer, Formation } from "../../../src/cluster/index.ts";
import type { Identity, Member } from "../../../src/node/index.ts";
import type { LogImage } from "../../sim/disk/log-image.ts";
import type { Gate } from "../../sim/gate.ts";
import type { Network } from "../../sim/network/network.ts";
import type { Scheduler } from "../../sim/scheduler.ts";

/** What happened to a node's folder while the node was down. */
export type Fate = "intact" | "wiped" | "quarantined" | "log gone";

/** How a node is told to become part of a cluster. */
export interface Orders {
  readonly isBootstrap: boolean;
  readonly expect: number;
  readonly joinAddresses: readonly string[];
}

/** What lies in a data folder. */
export interface Folder {
  readonly image: LogImage;
  readonly isUntrusted: boolean;
  /** The cluster that it was part of, whatever its log says; empty: none. */
  readonly record: string;
  readonly knownPeers: readonly string[];
  readonly formation: Formation | undefined;
}

/** A process as the others see it. */
export interface Neighbour extends Gate {
  readonly key: MemberKey;
  readonly self: Member;
  readonly identity: Identity | undefined;
  answer(call: Parameters<typeof answerPeer>[1], answer: (body: Uint8Array) => void): void;
}

/** What machines and processes need of the world that they are in. */
export interface BootStage {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Prng;
  mint(): string;
  processAt(number: number): Neighbour | undefined;
  /** A node makes a cluster. */
  onCreate(number: number): void;
  /** A node belongs to a cluster and begins to run in it. */
  onIdentity(): void;
}

import type { Clock, ClusterId, Epoch } from "../base/index.ts";
import type { Member } from "../node/index.ts";
import type { FormationStore } from "./formation.ts";
import type { PeerCalls } from "./peer-calls.ts";

/** How a node without data becomes part of a cluster. */
export type Formed =
  /** Nobody has one: this node makes it. */
  | { readonly kind: "create" }
  | { readonly kind: "joined"; readonly clusterId: ClusterId; readonly epoch: Epoch }
  /** Going on would risk two clusters. */
  | { readonly kind: "stop"; readonly reason: string };

export interface FormingOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly calls: PeerCalls;
  readonly self: Member;
  readonly isBootstrap: boolean;
  /** The cluster that this node belonged to before its data was lost: it joins that one or none. Empty: none. */
  readonly formerCluster: string;
  /** Where others are asked; grows by one when this node is invited. */
  readonly joinAddresses: () => readonly string[];
  /** `bootstrap_expect`; 0: off. */
  readonly expect: number;
  readonly formations: FormationStore;
  readonly note: (message: string) => void;
}

import type { ClusterId, Epoch, LogIndex, Term } from "../base/index.ts";
import type { Membership } from "./membership.ts";
import type { PairSeq } from "./pair-seq.ts";

/** What a snapshot says about itself: everything the log needs to continue from it. */
export interface SnapshotMeta {
  readonly id: string;
  readonly clusterId: ClusterId;
  readonly epoch: Epoch;
  /** Last entry that the state contains. */
  readonly index: LogIndex;
  readonly term: Term;
  /** Chain value and cluster time at `index`. */
  readonly chain: number;
  readonly time: number;
  /** The membership in force AT `index`, and the index of the entry that made it. */
  readonly membership: Membership;
  readonly membershipIndex: LogIndex;
  /** What its members had acknowledged, as far as the node knew that took it. */
  readonly seqs: readonly PairSeq[];
  /** Compressed bytes and their SHA-256 in hex. */
  readonly sizeBytes: number;
  readonly sha256: string;
  /** The state's running hash at `index`, in hex, and the version of its definition. */
  readonly stateHash: string;
  readonly hashVersion: number;
  /** Version of the encoding. */
  readonly format: number;
  /** A received snapshot that the log does not reach is an unfinished install; a local one means lost log. */
  readonly origin: "local" | "received";
}

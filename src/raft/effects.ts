import type { LogIndex, MemberKey, Term } from "../base/index.ts";
import type { Entry, EntryId } from "./entry.ts";
import type { RequestId } from "./event.ts";
import type { Membership } from "./membership.ts";
import type { Message } from "./message.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";

/** (term, vote) as ONE record. The vote names the pair. */
export interface HardState {
  readonly term: Term;
  readonly vote: MemberKey | undefined;
}

/**
 * What must become durable, executed in this order: `reset` or `truncateFrom`, `append`, `compactTo`, `hard`.
 * Several of one turn go into ONE transaction, in ticket order (append, truncate, append stays in that order).
 */
export interface Persist {
  readonly ticket: number;
  readonly hard?: HardState;
  /** Removes entries at and above this index. */
  readonly truncateFrom?: LogIndex;
  readonly append?: readonly Entry[];
  /** Removes entries at and below `index`; the store keeps this as its new base. */
  readonly compactTo?: EntryId & { readonly time: number };
  /** The whole log is discarded and starts behind this snapshot. */
  readonly reset?: SnapshotMeta;
}

/**
 * A message, and the ticket that must be durable before it may leave. At release the driver drops append replies whose
 * term is not the core's current term any more: what they promise may have been truncated since.
 */
export interface Outgoing {
  readonly message: Message;
  readonly after?: number;
}

/** Why a request was not done. `appended` is false: it surely did not happen. */
export type Refusal =
  | { readonly kind: "not-leader"; readonly leader: MemberKey | undefined }
  | { readonly kind: "overloaded" }
  | { readonly kind: "transfer-in-progress" }
  | { readonly kind: "stopping" }
  | { readonly kind: "disk-full" }
  /** A membership change or transfer that the rules forbid now, with the reason in words. */
  | { readonly kind: "rejected"; readonly code: RejectionCode; readonly reason: string };

export type RejectionCode =
  | "change-in-progress"
  | "no-own-term-commit"
  | "would-lose-quorum"
  | "last-voter"
  | "unknown-member"
  | "already-member"
  | "address-in-use"
  | "not-caught-up"
  | "stale-expectation"
  | "in-use"
  | "unsupported-version"
  | "invalid-target"
  | "transfer-failed"
  | "joint";

export type RequestOutcome =
  /** A change is committed, or a transfer ended with another leader. */
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Leadership was lost after the entry was appended: it may or may not happen. */
  | { readonly kind: "unknown" }
  /** A read that must be asked again (leader changed, snapshot installed). */
  | { readonly kind: "retry" };

export type Role = "follower" | "pre-candidate" | "candidate" | "leader" | "learner" | "removed";

/** What happened, for metrics, logs, autopilot and the simulator's marks. Nothing in the protocol depends on it. */
export type Observation =
  | { readonly kind: "role"; readonly role: Role; readonly term: Term; readonly reason: string }
  | { readonly kind: "leader"; readonly leader: MemberKey | undefined; readonly term: Term }
  | {
      readonly kind: "membership";
      readonly membership: Membership;
      readonly index: LogIndex;
      readonly committed: boolean;
    }
  /** Own entries at and above `from` were removed for the leader's. */
  | { readonly kind: "truncated"; readonly from: LogIndex }
  | { readonly kind: "dropped"; readonly reason: string; readonly from: MemberKey }
  /** This pair must not vote, acknowledge or campaign any more: the driver stops it and says why. */
  | { readonly kind: "distrusted"; readonly reason: "replaced" | "removed" | "rolled-back"; readonly at: LogIndex }
  /** Two live processes claim one pair, or no longer: an alarm. */
  | { readonly kind: "duplicate"; readonly key: MemberKey; readonly isPresent: boolean }
  /** Logs with equal (index, term) differ in content: halt with data kept. */
  | { readonly kind: "diverged"; readonly index: LogIndex; readonly term: Term; readonly peer: MemberKey }
  /** The cluster was raised to a version that this program does not know: halt with data kept. */
  | { readonly kind: "version-unknown"; readonly version: number }
  /** A rare path was taken; the simulator counts these. */
  | { readonly kind: "mark"; readonly mark: string };

/** What one step wants from the world, all of it data. Order between fields does not matter except as stated. */
export interface Effects {
  readonly persist: Persist | undefined;
  readonly send: readonly Outgoing[];
  /** Entries up to here are committed; the driver applies in order, and never beyond what is durable here. */
  readonly commit: LogIndex;
  /** Proposals that were appended as one run of entries: the answer comes from applying them. */
  readonly accepted: readonly {
    readonly request: RequestId;
    readonly index: LogIndex;
    readonly count: number;
    readonly term: Term;
  }[];
  /** Reads that may be served as soon as `applied ≥ index`. */
  readonly reads: readonly { readonly request: RequestId; readonly index: LogIndex }[];
  readonly done: readonly { readonly request: RequestId; readonly outcome: RequestOutcome }[];
  /** Entries `[from, to)` are wanted in memory; answer with `entries-loaded`. */
  readonly load: { readonly from: LogIndex; readonly to: LogIndex } | undefined;
  /** Send the newest complete snapshot over its own connection; answer with `snapshot-sent`. */
  readonly sendSnapshot: readonly { readonly to: MemberKey; readonly session: number; readonly term: Term }[];
  /** Abandon these transfers. */
  readonly cancelSnapshot: readonly { readonly to: MemberKey; readonly session: number }[];
  /** The log was reset to this snapshot (in `persist`): once that ticket is durable, restore the state machine from it. */
  readonly installSnapshot: SnapshotMeta | undefined;
  /** Absolute monotonic ms at which a tick is due; Infinity: none. */
  readonly nextWake: number;
  readonly observe: readonly Observation[];
}

import type { BootId, LogIndex, MemberKey, Term } from "../base/index.ts";
import type { Entry } from "./entry.ts";
import type { MembershipChange } from "./membership.ts";
import type { Message } from "./message.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";

/** A number by which the driver recognises its own request; each is answered exactly once. */
export type RequestId = number;

/**
 * Everything that can happen to the core. `now` is monotonic ms; the core clamps it so that it never goes back.
 * One process start of one pair is named by (key, boot).
 */
export type RaftEvent =
  | { readonly kind: "tick"; readonly now: number }
  | { readonly kind: "receive"; readonly now: number; readonly message: Message }
  /** Commands for the log, all appended or none. Answered by `accepted` or by `done`. */
  | {
      readonly kind: "propose";
      readonly now: number;
      readonly request: RequestId;
      readonly commands: readonly Uint8Array[];
    }
  | { readonly kind: "read"; readonly now: number; readonly request: RequestId }
  /** The waiting caller is gone; a read that is not answered yet is forgotten without an answer. */
  | { readonly kind: "cancel-read"; readonly now: number; readonly request: RequestId }
  | {
      readonly kind: "change";
      readonly now: number;
      readonly request: RequestId;
      readonly changes: readonly MembershipChange[];
      /** Refused unless the effective membership is of this index (compare-and-set). */
      readonly expectIndex?: LogIndex;
    }
  | { readonly kind: "transfer"; readonly now: number; readonly request: RequestId; readonly to?: MemberKey }
  /** Every persist effect up to this ticket is durable; `seq` is the store's transaction counter. Reported in order. */
  | { readonly kind: "persisted"; readonly now: number; readonly ticket: number; readonly seq: number }
  /** The state machine has applied up to here. */
  | { readonly kind: "applied"; readonly now: number; readonly index: LogIndex }
  /** Answer to the effect `load`; empty: the range is gone by now. */
  | { readonly kind: "entries-loaded"; readonly now: number; readonly entries: readonly Entry[] }
  /** There is no space for writes (proposals are refused, leadership is handed over), or there is again. */
  | { readonly kind: "disk-full"; readonly now: number; readonly full: boolean }
  /** A snapshot of this node's state is complete, durable and verified; the log up to `compactTo` may go. */
  | { readonly kind: "snapshot-taken"; readonly now: number; readonly meta: SnapshotMeta; readonly compactTo: LogIndex }
  /** A snapshot from the leader is complete, durable and verified in the snapshot store; not installed yet. */
  | {
      readonly kind: "snapshot-received";
      readonly now: number;
      readonly from: MemberKey;
      readonly term: Term;
      readonly session: number;
      readonly meta: SnapshotMeta;
    }
  /** The state machine was restored from the snapshot that `installSnapshot` named. */
  | { readonly kind: "snapshot-installed"; readonly now: number; readonly index: LogIndex }
  /** A transfer that `sendSnapshot` started ended, well or badly. */
  | {
      readonly kind: "snapshot-sent";
      readonly now: number;
      readonly to: MemberKey;
      readonly session: number;
      readonly ok: boolean;
    }
  /** A connection with this process is up: it proved (key, boot) and told how many transactions its disk held at its start. */
  | {
      readonly kind: "hello";
      readonly now: number;
      readonly key: MemberKey;
      readonly boot: BootId;
      readonly seq: number;
      readonly version: string;
      readonly commandVersion: number;
    }
  /** The last connection with this process was closed. Proves nothing about its life. */
  | { readonly kind: "peer-down"; readonly now: number; readonly key: MemberKey; readonly boot: BootId }
  /**
   * The process (key, boot) is known gone: all connections closed AND a redial was refused or met another boot, or it
   * said goodbye.
   */
  | { readonly kind: "leader-gone"; readonly now: number; readonly key: MemberKey; readonly boot: BootId }
  /** A peer says of itself that its disk broke a promise: nothing that it granted or acknowledged counts, now or later. */
  | { readonly kind: "confession"; readonly now: number; readonly key: MemberKey; readonly boot: BootId }
  /** Two live processes claim one pair: neither counts until one is gone. */
  | { readonly kind: "duplicate-pair"; readonly now: number; readonly key: MemberKey; readonly present: boolean }
  /** Until then this core, should it lead, makes no voters by itself: somebody else decides who becomes one. */
  | { readonly kind: "hold-promotions"; readonly now: number; readonly until: number }
  /** Stop taking proposals; hand over if leading. */
  | { readonly kind: "stop"; readonly now: number };

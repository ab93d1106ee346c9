import type { LogIndex } from "../base/index.ts";
import type { FsmResult } from "../fsm/index.ts";
import type { Member } from "../node/index.ts";

/** Why a write surely did not happen. */
export type WriteRefusal =
  | { readonly kind: "not-leader"; readonly leader: Member }
  | { readonly kind: "no-leader" }
  | { readonly kind: "overloaded" }
  | { readonly kind: "shutting-down" }
  | { readonly kind: "disk-full" }
  /** The state takes more memory than it may: only what makes it smaller is taken. */
  | { readonly kind: "state-full"; readonly stateBytes: number; readonly stateBytesMax: number }
  /** A command that the members have not agreed to write yet. */
  | { readonly kind: "cluster-version"; readonly needs: number; readonly has: number }
  | { readonly kind: "untrusted"; readonly reason: string };

export type WriteOutcome =
  | { readonly kind: "done"; readonly index: LogIndex; readonly result: FsmResult }
  | { readonly kind: "refused"; readonly refusal: WriteRefusal }
  /** It may or may not have happened. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What became of a membership change or of a transfer of leadership. */
export type MembershipOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly refusal: WriteRefusal }
  /** The rules forbid it now; `code` for programs. */
  | { readonly kind: "rejected"; readonly code: string; readonly reason: string }
  /** It may or may not have happened. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Why a read cannot be answered as it was asked for. */
export type ReadFailure =
  | { readonly kind: "no-leader" }
  | { readonly kind: "timeout" }
  | { readonly kind: "stale"; readonly lastContactMs: number }
  | { readonly kind: "shutting-down" }
  | { readonly kind: "too-many-watchers" }
  | { readonly kind: "untrusted"; readonly reason: string };

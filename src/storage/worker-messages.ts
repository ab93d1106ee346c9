import type { LogIndex } from "../base/index.ts";
import type { Identity, StorageFailure, StoredState } from "../node/index.ts";
import type { Entry, HardState, Persist, SnapshotMeta } from "../raft/index.ts";
import type { Draft } from "./snapshots-db.ts";

/** What the main thread asks a disk Worker to do; answered in order. */
export type WorkerRequest =
  | {
      readonly op: "open-log";
      readonly folder: string;
      readonly synchronous: "FULL" | "NORMAL";
      readonly reserveBytes: number;
    }
  | { readonly op: "persist"; readonly operations: readonly Persist[]; readonly commitHint: LogIndex }
  | { readonly op: "read-log"; readonly from: LogIndex; readonly to: LogIndex; readonly bytesMax: number }
  | {
      readonly op: "bootstrap";
      readonly identity: Identity;
      readonly hard: HardState;
      readonly entries: readonly Entry[];
    }
  | { readonly op: "open-snapshots"; readonly folder: string }
  | { readonly op: "begin"; readonly id: string; readonly index: LogIndex }
  | { readonly op: "write-part"; readonly id: string; readonly at: number; readonly part: Uint8Array }
  | { readonly op: "complete"; readonly id: string; readonly draft: Draft; readonly pinned: readonly string[] }
  | { readonly op: "remove"; readonly id: string }
  | {
      readonly op: "receive";
      readonly meta: SnapshotMeta;
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly isLast: boolean;
      readonly pinned: readonly string[];
    }
  | { readonly op: "received-bytes"; readonly id: string }
  | { readonly op: "read-snapshot"; readonly id: string; readonly offset: number; readonly sizeMax: number }
  | { readonly op: "load"; readonly meta: SnapshotMeta }
  | { readonly op: "close" };

export interface WorkerCall {
  readonly id: number;
  readonly request: WorkerRequest;
}

/** Why a folder could not be opened. */
export type OpenFailure =
  | { readonly kind: "locked"; readonly message: string }
  | { readonly kind: "newer-format"; readonly message: string }
  | { readonly kind: "untrusted"; readonly message: string }
  | { readonly kind: "full"; readonly message: string }
  | { readonly kind: "environment"; readonly message: string };

export type WorkerFailure = StorageFailure | OpenFailure | { readonly kind: "damaged"; readonly message: string };

/** Values by operation, all plain data. */
export type WorkerValue =
  | { readonly kind: "stored"; readonly stored: StoredState }
  | { readonly kind: "seq"; readonly seq: number; readonly durationMs: number }
  | { readonly kind: "entries"; readonly entries: readonly Entry[] }
  | { readonly kind: "snapshots"; readonly snapshots: readonly SnapshotMeta[]; readonly unreadable: readonly string[] }
  | { readonly kind: "meta"; readonly meta: SnapshotMeta; readonly list: readonly SnapshotMeta[] }
  | {
      readonly kind: "offset";
      readonly offset: number;
      readonly isComplete: boolean;
      readonly list: readonly SnapshotMeta[];
    }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "done" };

export type WorkerReply =
  | { readonly id: number; readonly kind: "value"; readonly value: WorkerValue }
  | { readonly id: number; readonly kind: "failure"; readonly failure: WorkerFailure }
  /** One decoded part of a snapshot that is being loaded; the value follows. */
  | { readonly id: number; readonly kind: "part"; readonly part: Uint8Array }
  /** Something happened that nobody asked for: the files were moved under us. */
  | { readonly id: 0; readonly kind: "alarm"; readonly failure: StorageFailure };

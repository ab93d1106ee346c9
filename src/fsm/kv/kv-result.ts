import type { LogIndex } from "../../base/index.ts";
import type { KvRow } from "./kv-row.ts";

/** What applying a key-value command came to. Expected outcomes only; nothing of this is thrown. */
export type KvResult =
  | { readonly kind: "kv-set"; readonly modifyIndex: LogIndex; readonly createIndex: LogIndex }
  | { readonly kind: "kv-delete"; readonly modifyIndex: LogIndex }
  | {
      readonly kind: "kv-delete-prefix";
      readonly deleted: number;
      readonly more: boolean;
      readonly modifyIndex: LogIndex;
    }
  | { readonly kind: "kv-txn"; readonly modifyIndex: LogIndex; readonly results: readonly KvOperationResult[] }
  | { readonly kind: "kv-txn-failed"; readonly errors: readonly KvOperationError[] }
  /** `modifyIndex` is the current one; 0: the key is absent. */
  | { readonly kind: "cas-conflict"; readonly modifyIndex: LogIndex }
  | { readonly kind: "not-found" }
  /** A recursive delete covers more keys than its limit; nothing was deleted. */
  | { readonly kind: "too-many"; readonly limit: number };

export type KvOperationResult =
  | { readonly op: "set"; readonly key: Uint8Array; readonly row: KvRow }
  | { readonly op: "delete"; readonly key: Uint8Array; readonly existed: boolean }
  | { readonly op: "get"; readonly key: Uint8Array; readonly row: KvRow }
  | { readonly op: "check-index"; readonly key: Uint8Array; readonly modifyIndex: LogIndex };

/** `operation` counts from 0. */
export type KvOperationError =
  | { readonly operation: number; readonly kind: "not-found"; readonly key: Uint8Array }
  | {
      readonly operation: number;
      readonly kind: "cas-conflict";
      readonly key: Uint8Array;
      readonly modifyIndex: LogIndex;
    };

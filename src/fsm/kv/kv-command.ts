import type { LogIndex } from "../../base/index.ts";

/** Sets a key. `cas`: only if its modify index is this one; 0: only if the key is absent. */
export interface KvSet {
  readonly kind: "kv-set";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly cas?: LogIndex;
}

/** Deletes a key. `cas`: only if its modify index is this one. */
export interface KvDelete {
  readonly kind: "kv-delete";
  readonly key: Uint8Array;
  readonly cas?: LogIndex;
}

/**
 * Deletes the keys that start with `prefix`, in byte order. With more than `limit` of them: `refuse` deletes nothing,
 * `slice` deletes the first `limit` and says that there are more.
 */
export interface KvDeletePrefix {
  readonly kind: "kv-delete-prefix";
  readonly prefix: Uint8Array;
  readonly limit: number;
  readonly whenMore: "refuse" | "slice";
}

/** All or nothing. An operation sees what those before it did. */
export interface KvTxn {
  readonly kind: "kv-txn";
  readonly operations: readonly KvOperation[];
}

export type KvOperation =
  | { readonly op: "set"; readonly key: Uint8Array; readonly value: Uint8Array; readonly flags: bigint }
  /** An absent key is no error. */
  | { readonly op: "delete"; readonly key: Uint8Array }
  /** An absent key is an error. */
  | { readonly op: "get"; readonly key: Uint8Array }
  /** Fails unless the key's modify index is this one; 0: unless it is absent. */
  | { readonly op: "check-index"; readonly key: Uint8Array; readonly index: LogIndex };

export type KvCommand = KvSet | KvDelete | KvDeletePrefix | KvTxn;

import type { LogIndex } from "../../base/index.ts";

/** What happens to the keys that a session holds when it ends. */
export type SessionBehavior = "release" | "delete";

export interface SessionTerms {
  /** For people. */
  readonly name: string;
  /** Ends when it was not renewed for this long, in ms; 0: never by itself. */
  readonly ttlMs: number;
  readonly behavior: SessionBehavior;
  /** For so long after the session ended nobody acquires what it held, in ms of cluster time. */
  readonly lockDelayMs: number;
}

export interface SessionCreate {
  readonly kind: "session-create";
  readonly id: string;
  readonly terms: SessionTerms;
}

/** Ends a session, and all its locks with it. */
export interface SessionDestroy {
  readonly kind: "session-destroy";
  readonly id: string;
}

/** Sets a key and takes its lock; the holder may do so again and keeps its fencing token. */
export interface LockAcquire {
  readonly kind: "lock-acquire";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly session: string;
}

/** Sets a key and gives its lock back. */
export interface LockRelease {
  readonly kind: "lock-release";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly session: string;
}

export type SessionCommand = SessionCreate | SessionDestroy | LockAcquire | LockRelease;

/** What applying such a command came to. */
export type SessionResult =
  | { readonly kind: "session-created"; readonly createIndex: LogIndex }
  | { readonly kind: "session-destroyed"; readonly locks: number }
  | { readonly kind: "session-not-found" }
  | { readonly kind: "session-exists" }
  /** `lockIndex`: the fencing token. It only ever rises, also when the key was deleted in between. */
  | { readonly kind: "lock-acquired"; readonly modifyIndex: LogIndex; readonly lockIndex: LogIndex }
  | { readonly kind: "lock-released"; readonly modifyIndex: LogIndex; readonly lockIndex: LogIndex }
  /** Empty: nobody holds it, which is a failure only for a release. */
  | { readonly kind: "lock-held"; readonly session: string }
  | { readonly kind: "lock-delayed"; readonly remainingMs: number };

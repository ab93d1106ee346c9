import type { LogIndex } from "../../base/index.ts";

/** Starts to bring a backup in; what another restore had staged is dropped. */
export interface RestoreBegin {
  readonly kind: "restore-begin";
  readonly id: string;
}

/** A part of the encoded state. Parts come in order, from 0. */
export interface RestoreChunk {
  readonly kind: "restore-chunk";
  readonly id: string;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** All parts are there: the state they hold takes the place of the present one, if it is what is claimed here. */
export interface RestoreCommit {
  readonly kind: "restore-commit";
  readonly id: string;
  readonly chunks: number;
  /** Of the moment that the backup was taken. */
  readonly index: LogIndex;
  readonly time: number;
  readonly stateHash: string;
  readonly hashVersion: number;
}

export interface RestoreAbort {
  readonly kind: "restore-abort";
  readonly id: string;
}

export type RestoreCommand = RestoreBegin | RestoreChunk | RestoreCommit | RestoreAbort;

/** What applying such a command came to. */
export type RestoreResult =
  | { readonly kind: "restore-staged" }
  /** Every key and service has this as its index now; sessions and locks are gone. */
  | { readonly kind: "restore-done"; readonly modifyIndex: LogIndex; readonly keys: number; readonly services: number }
  | { readonly kind: "restore-refused"; readonly reason: string };

import { decodeMembership, ownEntries } from "../raft/index.ts";
import type { SnapshotStore, StoredState } from "./ports.ts";

/**
 * The highest cluster version that a folder holds, committed or not: what may be written in there is known only to
 * programs that know this version. 0: none.
 */
export function versionIn(folder: { readonly stored: StoredState; readonly snapshots: SnapshotStore }): number {
  const snapshots = folder.snapshots.list().map(({ membership }) => membership.clusterVersion);
  const entries = ownEntries(folder.stored)
    .filter(({ kind }) => kind === "membership")
    .map(({ data }) => decodeMembership(data).clusterVersion);
  return Math.max(0, ...snapshots, ...entries);
}

/** Why this program cannot go on with such a cluster, and what to do. */
export function tooNewFor(version: number, known: number): string {
  return (
    `this cluster was raised to version ${version}, and this release understands ${known} at most. ` +
    "An upgrade that was finalized has no way back: start the newer release again"
  );
}

import { err, isSameEpoch, ok, type Result } from "../base/index.ts";
import { lastRecovered, recoveredTerm, type SnapshotMeta } from "../raft/index.ts";
import type { Identity, SnapshotStore, StateMachine, StoredState } from "./ports.ts";

export interface Recovered {
  /** The snapshot that the state machine was restored from; undefined: it starts empty. */
  readonly snapshot: SnapshotMeta | undefined;
  /** The log must be reset to that snapshot before anything else: an install was cut off by a crash. */
  readonly mustReset: boolean;
}

export interface BootOptions {
  readonly identity: Identity;
  readonly stored: StoredState;
  readonly snapshots: SnapshotStore;
  readonly machine: StateMachine;
  readonly note: (message: string) => void;
}

/**
 * Restores the state machine from the newest snapshot that is whole and fits the log; a damaged one falls back to the
 * one before. The log always reaches back to the oldest complete snapshot, so the rest comes from replay.
 */
export function recover(options: BootOptions, done: (result: Result<Recovered, string>) => void): void {
  const { identity, stored, snapshots } = options;
  const own = snapshots
    .list()
    .filter(({ clusterId, epoch }) => clusterId === identity.clusterId && isSameEpoch(epoch, identity.epoch));
  const usable = own.filter(({ index }) => index >= stored.base.index).toReversed();
  const problem = lostLog(usable[0], stored);
  if (problem !== undefined) return done(err(problem));
  tryNext(options, usable, done);
}

/** A snapshot of our own ahead of the log means that the log lost acknowledged entries. */
function lostLog(newest: SnapshotMeta | undefined, stored: StoredState): string | undefined {
  if (newest === undefined || newest.origin === "received" || newest.index <= lastRecovered(stored)) return undefined;
  return `the log ends at ${lastRecovered(stored)}, but this node's own snapshot reaches ${newest.index}: log entries were lost`;
}

function tryNext(
  options: BootOptions,
  candidates: readonly SnapshotMeta[],
  done: (result: Result<Recovered, string>) => void,
): void {
  const { stored, snapshots, machine, note } = options;
  const [meta, ...older] = candidates;
  if (meta === undefined) {
    if (stored.base.index === 0) return done(ok({ snapshot: undefined, mustReset: false }));
    const first = stored.base.index + 1;
    return done(
      err(`no snapshot is whole, and the log begins only at ${first}: the state cannot be rebuilt from this folder`),
    );
  }
  machine.restoreStart();
  let failure: string | undefined;
  snapshots.load(
    meta.id,
    (part) => {
      if (failure === undefined) failure = attempt(() => machine.restorePart(part));
    },
    (result) => {
      if (!result.ok) failure = result.error.kind === "damaged" ? "its stored bytes are damaged" : result.error.message;
      failure ??= attempt(() => machine.restoreEnd(meta));
      if (failure === undefined) return done(ok({ snapshot: meta, mustReset: isUnfinishedInstall(meta, stored) }));
      note(`Cannot restore snapshot ${meta.id}: ${failure}. Trying the one before`);
      machine.restoreStart();
      tryNext(options, older, done);
    },
  );
}

function attempt(task: () => void): string | undefined {
  try {
    task();
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** A received snapshot that the log does not contain: the process died between storing it and resetting the log. */
function isUnfinishedInstall(meta: SnapshotMeta, stored: StoredState): boolean {
  if (meta.origin !== "received") return false;
  if (meta.index === stored.base.index) return meta.term !== stored.base.term;
  return recoveredTerm(stored, meta.index) !== meta.term;
}

import type { Identity, LogStore, SnapshotStore } from "../node/index.ts";
import { storePaths, type DataFolders } from "./files.ts";
import { openLogStore, type LogStoreOptions } from "./log-store.ts";
import { readMembershipRecord, writeMembershipRecord, type MembershipRecord } from "./member-record.ts";
import type { OpenFailure } from "./open-failure.ts";
import { openSnapshotStore, type SqliteSnapshotStore } from "./snapshot-store.ts";

export type StoresOpened =
  | {
      readonly kind: "opened";
      readonly log: LogStore;
      readonly snapshots: SnapshotStore;
      /** What was found and put right, for the operator: to be logged loudly. */
      readonly notes: readonly string[];
      /** The cluster this folder ever belonged to, even if its log is empty now: then it is not pristine. */
      readonly formerMember: MembershipRecord | "damaged" | undefined;
    }
  | OpenFailure;

/**
 * Opens both stores of a data folder. A damaged log is opened all the same when a whole snapshot contains the damaged
 * entries: they are removed, as nothing needs them any more. Never rejects.
 */
export async function openStores(options: Omit<LogStoreOptions, "snapshots">): Promise<StoresOpened> {
  const log = await openLogStore(options);
  const needsSnapshot = log.kind === "untrusted" && log.isLogOnly;
  if (log.kind !== "opened" && !needsSnapshot) return log;
  const snapshots = await openSnapshotStore(options);
  if (snapshots.kind !== "opened") {
    if (log.kind === "opened") await closed(log.store);
    return snapshots;
  }
  const repaired = log.kind === "opened" ? log : await openWithSnapshots(options, snapshots.store);
  if (repaired.kind !== "opened") {
    await closed(snapshots.store);
    return repaired;
  }
  const member = memberOf(options, repaired.store.initial.identity);
  return {
    kind: "opened",
    log: repaired.store,
    snapshots: snapshots.store,
    notes: [...repaired.notes, ...snapshots.notes, ...member.notes],
    formerMember: member.record,
  };
}

/** A damaged record is written anew from a log that was found good: without it, a folder that loses its log is lost. */
function memberOf(
  folders: DataFolders,
  identity: Identity | undefined,
): { readonly record: MembershipRecord | "damaged" | undefined; readonly notes: readonly string[] } {
  const paths = storePaths(folders);
  const record = readMembershipRecord(paths);
  if (record !== "damaged" || identity === undefined) return { record, notes: [] };
  try {
    writeMembershipRecord(paths, identity);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { record, notes: [`${paths.member} is damaged, and cannot be written anew: ${why}`] };
  }
  return {
    record: readMembershipRecord(paths),
    notes: [`${paths.member} was damaged, and was written anew from the log`],
  };
}

async function openWithSnapshots(
  options: Omit<LogStoreOptions, "snapshots">,
  store: SqliteSnapshotStore,
): ReturnType<typeof openLogStore> {
  const whole = [];
  for (const meta of store.list().toReversed()) {
    const isWhole = await new Promise<boolean>((resolve) => store.verify(meta.id, resolve));
    if (isWhole) whole.push(meta);
  }
  return openLogStore({ ...options, snapshots: whole });
}

async function closed(store: { close(done: () => void): void }): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

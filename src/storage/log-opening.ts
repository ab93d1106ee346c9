import { mkdirSync, renameSync, rmSync } from "node:fs";
import { Database } from "bun:sqlite";
import { ok, type BootId } from "../base/index.ts";
import type { RecoveredLog } from "../raft/index.ts";
import { lockFolder, type FolderLock } from "./dir-lock.ts";
import { classifyFailure, EnvironmentFailure, sizeOf } from "./failures.ts";
import { storePaths, syncDirectory, type DataFolders, type StorePaths } from "./files.ts";
import { EMPTY_HEAD, type HeadRecord, type LogStart } from "./head-record.ts";
import { inspectLog, type Inspection } from "./log-inspection.ts";
import { createLogDatabase, LogDatabase } from "./log-database.ts";
import { Witness } from "./witness.ts";

export interface LogOpening extends DataFolders {
  readonly boot: BootId;
  readonly snapshots: readonly LogStart[];
  readonly acceptLoss: boolean;
  readonly tailBytesMax: number;
  /** Only for tests that show what `NORMAL` loses. */
  readonly synchronous: "FULL" | "NORMAL";
}

export interface OpenedLog {
  readonly kind: "opened";
  readonly database: LogDatabase;
  readonly witness: Witness;
  readonly head: HeadRecord;
  readonly log: RecoveredLog;
  readonly notes: readonly string[];
  readonly lock: FolderLock;
}

export type LogOpened =
  | OpenedLog
  | { readonly kind: "locked"; readonly message: string }
  | Exclude<Inspection, { readonly kind: "pristine" | "good" }>;

/** Opens raft.db for writing after it was found good, or makes it. Synchronous: runs in the Worker of the disk. */
export function openLogFiles(opening: LogOpening): LogOpened {
  assertSqliteVersion();
  const paths = storePaths(opening);
  const lock = lockFolders(paths);
  if (!lock.ok) return { kind: "locked", message: lock.error };
  const opened = openLocked(paths, opening, lock.value);
  if (opened.kind !== "opened") lock.value.release();
  return opened;
}

/** Two nodes with different data folders may be told the same folder for their logs. */
function lockFolders({ dataDir, lock, folder, folderLock }: StorePaths): ReturnType<typeof lockFolder> {
  const outer = lockFolder(dataDir, lock);
  if (!outer.ok || folderLock === undefined) return outer;
  const inner = lockFolder(folder, folderLock);
  if (!inner.ok) {
    outer.value.release();
    return inner;
  }
  const locks = [inner.value, outer.value];
  return ok({ release: () => locks.forEach((one) => one.release()) });
}

function openLocked(paths: StorePaths, opening: LogOpening, lock: FolderLock): LogOpened {
  let witness: Witness | undefined;
  try {
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
    const found = inspectLog({ ...opening, paths });
    if (found.kind !== "pristine" && found.kind !== "good") return found;
    if (found.kind === "pristine") create(paths, found.hasWitness);
    else if (sizeOf(paths.witness) === 0 || opening.acceptLoss) Witness.create(paths.witness);
    witness = Witness.open(paths.witness);
    const opened =
      found.kind === "good"
        ? openFound(paths, opening, { found, witness })
        : openNew(paths, witness, opening.synchronous);
    return { ...opened, lock };
  } catch (cause) {
    const failure = classifyFailure(cause, paths.folder, [sizeOf(paths.wal), sizeOf(paths.database)]);
    if (failure.kind !== "untrusted") return failure;
    witness?.mark(failure.message);
    return { kind: "untrusted", reason: failure.message, isLogOnly: false };
  }
}

/** The witness first: a database without a witness is untrusted, a witness without a promise is not. */
function create(paths: StorePaths, hasWitness: boolean): void {
  if (!hasWitness) Witness.create(paths.witness);
  const temporary = `${paths.database}.new`;
  for (const suffix of ["", "-wal", "-journal"]) rmSync(`${temporary}${suffix}`, { force: true });
  createLogDatabase(temporary, EMPTY_HEAD);
  renameSync(temporary, paths.database);
  syncDirectory(paths.database);
  syncDirectory(paths.folder);
}

function openNew(paths: StorePaths, witness: Witness, synchronous: "FULL" | "NORMAL"): Omit<OpenedLog, "lock"> {
  const database = new LogDatabase(paths.database, EMPTY_HEAD, synchronous);
  return {
    kind: "opened",
    database,
    witness,
    head: EMPTY_HEAD,
    log: { base: EMPTY_HEAD.base, entries: [] },
    notes: [],
  };
}

function openFound(
  paths: StorePaths,
  opening: LogOpening,
  { found, witness }: { readonly found: Extract<Inspection, { kind: "good" }>; readonly witness: Witness },
): Omit<OpenedLog, "lock"> {
  let { head } = found;
  const { log, notes, purgeTo } = found;
  const database = new LogDatabase(paths.database, head, opening.synchronous);
  if (purgeTo !== undefined) head = database.purge(purgeTo, opening.boot);
  witness.rewrite(head);
  return { kind: "opened", database, witness, head, log, notes };
}

/** Below 3.51.3 SQLite's WAL could lose commits; 3.52.0 was withdrawn. @see https://sqlite.org/wal.html#walresetbug */
function assertSqliteVersion(): void {
  const database = new Database(":memory:");
  const statement = database.prepare<{ version: string }, []>("SELECT sqlite_version() AS version");
  const version = statement.get()?.version ?? "";
  statement.finalize();
  database.close();
  if (!isSafeSqliteVersion(version)) {
    throw new EnvironmentFailure(`Cannot store data with SQLite ${version} as it can lose commits: 3.51.3 is needed`);
  }
}

export function isSafeSqliteVersion(version: string): boolean {
  const parts = version.split(".").map(Number);
  const [major = 0, minor = 0, patch = 0] = parts;
  if (parts.some((part) => !Number.isSafeInteger(part)) || version === "3.52.0") return false;
  return major * 1_000_000 + minor * 1000 + patch >= 3_051_003;
}

import { mkdirSync } from "node:fs";
import { Database } from "bun:sqlite";
import { err, ok, type Result } from "../base/index.ts";
import { EnvironmentFailure, errnoOf, messageOf } from "./failures.ts";

export interface FolderLock {
  release(): void;
}

/**
 * Keeps a second process off a data folder. The lock is one of the kernel's on an empty SQLite file that nothing else
 * opens, so it ends with the process however that dies. @throws EnvironmentFailure
 */
export function lockFolder(dataDir: string, lockPath: string): Result<FolderLock, string> {
  let database: Database | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    database = new Database(lockPath);
    database.run("PRAGMA journal_mode = MEMORY");
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (errnoOf(cause)?.startsWith("SQLITE_BUSY") === true) {
      return err(`Cannot use the data folder ${dataDir} as another process is working on it: stop that process first`);
    }
    throw new EnvironmentFailure(`Cannot lock the data folder ${dataDir}: ${messageOf(cause)}`, { cause });
  }
  const held = database;
  return ok({ release: () => held.close() });
}

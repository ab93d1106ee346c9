import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

/** The files of one data folder. Everything a quarantine takes away is inside `raft/`. */
export interface StorePaths {
  readonly dataDir: string;
  /** `raft/` in the data folder. */
  readonly folder: string;
  readonly database: string;
  readonly wal: string;
  readonly witness: string;
  readonly snapshots: string;
  /** Held locked while a process works on the folder. */
  readonly lock: string;
  /** Which cluster this data folder ever belonged to: outlives a quarantine. */
  readonly member: string;
}

export function storePaths(dataDir: string): StorePaths {
  const folder = join(dataDir, "raft");
  const database = join(folder, "raft.db");
  return {
    dataDir,
    folder,
    database,
    wal: `${database}-wal`,
    witness: join(folder, "witness"),
    snapshots: join(folder, "snapshots.db"),
    lock: join(dataDir, "lock.db"),
    member: join(dataDir, "member.json"),
  };
}

/** Makes a created or renamed name inside the folder of `path` durable. */
export function syncDirectory(path: string): void {
  const fd = openSync(dirname(path), "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

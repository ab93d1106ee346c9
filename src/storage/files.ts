import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Where a node keeps its data. */
export interface DataFolders {
  readonly dataDir: string;
  /** Of log and snapshots; undefined: `raft/` in the data folder. */
  readonly raftDir?: string;
}

/** The files of one data folder. Everything a quarantine takes away is inside `folder`. */
export interface StorePaths {
  readonly dataDir: string;
  readonly folder: string;
  readonly database: string;
  readonly wal: string;
  readonly witness: string;
  readonly snapshots: string;
  /** Held locked while a process works on the folder. */
  readonly lock: string;
  /** The same for `folder`, where it is not in the data folder. */
  readonly folderLock: string | undefined;
  /** Which cluster this data folder ever belonged to: outlives a quarantine. */
  readonly member: string;
}

export function storePaths({ dataDir, raftDir }: DataFolders): StorePaths {
  const inside = join(dataDir, "raft");
  const folder = raftDir ?? inside;
  const database = join(folder, "raft.db");
  return {
    dataDir,
    folder,
    database,
    wal: `${database}-wal`,
    witness: join(folder, "witness"),
    snapshots: join(folder, "snapshots.db"),
    lock: join(dataDir, "lock.db"),
    folderLock: resolve(folder) === resolve(inside) ? undefined : `${folder}.lock.db`,
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

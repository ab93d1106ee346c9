import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

/** Where the stores of one data folder live. All of it but `lock` and `member` is inside `raft/`, which quarantine renames. */
export interface StorePaths {
  readonly dataDir: string;
  readonly raftDir: string;
  readonly database: string;
  readonly wal: string;
  readonly witness: string;
  readonly snapshots: string;
  /** Held locked while a process works on the folder. */
  readonly lock: string;
  /** Which cluster this folder ever belonged to; survives quarantine. */
  readonly member: string;
}

export function storePaths(dataDir: string): StorePaths {
  const raftDir = join(dataDir, "raft");
  const database = join(raftDir, "raft.db");
  return {
    dataDir,
    raftDir,
    database,
    wal: `${database}-wal`,
    witness: join(raftDir, "witness"),
    snapshots: join(raftDir, "snapshots.db"),
    lock: join(dataDir, "lock"),
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

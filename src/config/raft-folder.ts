import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** Where log and snapshots are unless `raft.data_dir` names another folder. */
export function raftFolderIn(dataDir: string): string {
  return join(dataDir, "raft");
}

/** Why this folder cannot hold log and snapshots; undefined: it can. A bad one is moved aside as a whole, under another name beside it. */
export function raftFolderProblem(raftDir: string, dataDir: string): string | undefined {
  if (!relative(resolve(raftDir), resolve(dataDir)).startsWith(".."))
    return `must not be data_dir (${dataDir}) or a folder above it: name a folder of its own`;
  const isMount = existsSync(raftDir) && statSync(raftDir).dev !== statSync(dirname(resolve(raftDir))).dev;
  return isMount
    ? `must be a folder inside of the disk, as a mount point cannot be moved aside: name ${raftFolderIn(raftDir)}`
    : undefined;
}

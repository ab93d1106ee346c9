import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SNAPSHOT_THRESHOLD, TRAILING_LOGS, type SoakNode } from "./soak-node.ts";

/** The log reaches back to the older of two snapshots, and each may be a threshold and some time apart. */
export const ENTRIES_MAX = TRAILING_LOGS + 3 * SNAPSHOT_THRESHOLD;
const SNAPSHOTS_MAX = 2;
const COMPLETE = 2;

export interface Folder {
  readonly node: string;
  readonly entries: number;
  readonly snapshots: number;
}

function count(path: string, query: string): number {
  if (!existsSync(path)) return 0;
  const database = new Database(path, { readonly: true });
  try {
    return database.query<{ count: number }, []>(query).get()?.count ?? 0;
  } finally {
    database.close();
  }
}

/** What lies in the folder of a node that has stopped. */
export function inspectFolder(node: SoakNode): Folder {
  const raft = join(node.dataDir, "raft");
  return {
    node: node.options.id,
    entries: count(join(raft, "raft.db"), "SELECT count(*) AS count FROM entries"),
    snapshots: count(join(raft, "snapshots.db"), `SELECT count(*) AS count FROM snapshots WHERE state = ${COMPLETE}`),
  };
}

export function isWithinBounds({ entries, snapshots }: Folder): boolean {
  return entries <= ENTRIES_MAX && snapshots <= SNAPSHOTS_MAX;
}

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { decodeCheckedRecord, encodeCheckedRecord, err, ok, type Result } from "../base/index.ts";
import type { Formation, FormationStore } from "../cluster/index.ts";

/**
 * What an empty node promised about its future cluster, in a file of its own: there is no log yet to hold it. The log of a
 * member says more, and the file is not read. The error is a sentence for the operator.
 */
export function openFormationFile(dataDir: string, isMember: boolean): Result<FormationStore, string> {
  const file = join(dataDir, "formation.json");
  let kept: Formation | undefined;
  if (!isMember && existsSync(file)) {
    kept = parse(readFileSync(file, "utf8"));
    if (kept === undefined) return err(damaged(file));
  }
  return ok({
    read: () => kept,
    write: (formation) => {
      if (formation === undefined) {
        kept = undefined;
        if (!existsSync(file)) return;
        rmSync(file);
      } else {
        mkdirSync(dataDir, { recursive: true });
        replaceFile(file, encodeCheckedRecord({ ...formation }));
        kept = formation;
      }
      syncFolder(dirname(file));
    },
  });
}

function damaged(file: string): string {
  return (
    `Cannot read ${file}: it is damaged, and held this node's promise which cluster it will be part of. Remove it once the nodes ` +
    "that it was to form a cluster with are all reachable, or when they have formed none"
  );
}

/** For nodes that keep nothing on disk. */
export function createFormationMemory(): FormationStore {
  let kept: Formation | undefined;
  return { read: () => kept, write: (formation) => void (kept = formation) };
}

/** Undefined: it is not what was written. */
function parse(text: string): Formation | undefined {
  const found = decodeCheckedRecord(text);
  const [id, isOwn] = [found?.get("id"), found?.get("isOwn")];
  return typeof id === "string" && typeof isOwn === "boolean" ? { id, isOwn } : undefined;
}

function replaceFile(file: string, text: string): void {
  const fd = openSync(`${file}.new`, "w", 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

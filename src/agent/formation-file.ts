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
import type { Formation, FormationStore } from "../cluster/index.ts";

/** What an empty node promised about its future cluster, in a file of its own: there is no log yet to hold it. */
export function openFormationFile(dataDir: string): FormationStore {
  const file = join(dataDir, "formation.json");
  return {
    read: () => (existsSync(file) ? parse(file, readFileSync(file, "utf8")) : undefined),
    write: (formation) => {
      if (formation === undefined) {
        if (!existsSync(file)) return;
        rmSync(file);
      } else {
        mkdirSync(dataDir, { recursive: true });
        replaceFile(file, `${JSON.stringify(formation)}\n`);
      }
      syncFolder(dirname(file));
    },
  };
}

/** For nodes that keep nothing on disk. */
export function createFormationMemory(): FormationStore {
  let kept: Formation | undefined;
  return { read: () => kept, write: (formation) => void (kept = formation) };
}

/** @throws Error: half a file cannot be, and a strange one is the operator's to look at */
function parse(file: string, text: string): Formation {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && "id" in value && "isOwn" in value) {
    const { id, isOwn } = value;
    if (typeof id === "string" && typeof isOwn === "boolean") return { id, isOwn };
  }
  throw new Error(`${file} does not say what this node promised: remove it when no cluster was ever formed here`);
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

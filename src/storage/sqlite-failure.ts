import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { StorageFailure } from "../node/index.ts";

/** The machine, not the data, stands in the way: out of memory or file handles, a file held by somebody else. */
export class EnvironmentFailure extends Error {
  override readonly name = "EnvironmentFailure";
}

const FULL_ERRNOS = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const ENVIRONMENT_CODES = ["SQLITE_BUSY", "SQLITE_NOMEM", "SQLITE_CANTOPEN", "SQLITE_IOERR_NOMEM"];
/** SQLite reports a quota or a file size limit, and a full disk under its -shm file, as plain I/O errors. */
const PERHAPS_FULL_CODES = ["SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"];

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}

/** Does the folder take a write and a sync of a few KiB right now? */
function isFolderFull(folder: string): boolean {
  const path = join(folder, "space-probe");
  try {
    const file = openSync(path, "w", 0o600);
    try {
      writeSync(file, new Uint8Array(64 * 1024));
      fsyncSync(file);
    } finally {
      closeSync(file);
      unlinkSync(path);
    }
    return false;
  } catch (cause) {
    return FULL_ERRNOS.has(codeOf(cause));
  }
}

/**
 * What an error of SQLite means for the promises of this disk. @throws EnvironmentFailure when it says nothing about them
 */
export function classify(cause: unknown, folder: string): StorageFailure {
  const code = codeOf(cause);
  const message = `${code === "" ? "error" : code}: ${cause instanceof Error ? cause.message : String(cause)}`;
  if (code === "SQLITE_FULL" || FULL_ERRNOS.has(code)) return { kind: "full", message };
  if (PERHAPS_FULL_CODES.includes(code) && isFolderFull(folder)) return { kind: "full", message };
  if (ENVIRONMENT_CODES.some((prefix) => code.startsWith(prefix))) throw new EnvironmentFailure(message, { cause });
  return { kind: "untrusted", message };
}

import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { SQLiteError } from "bun:sqlite";
import type { StorageFailure } from "../node/index.ts";

/** The machine refuses to let this process work (memory, descriptors, a foreign lock). Nothing is damaged: exit and start again. */
export class EnvironmentFailure extends Error {
  override readonly name = "EnvironmentFailure";
}

export type DiskFailure = StorageFailure | { readonly kind: "environment"; readonly message: string };

/** SQLite codes that say "not now", never "not true". */
const ENVIRONMENT_CODES = /^SQLITE_(BUSY|LOCKED|NOMEM|CANTOPEN|IOERR_NOMEM)/;
/** Codes that a quota, a file-size limit or a full disk can cause as well as a broken disk. */
const MAYBE_FULL_CODES = /^SQLITE_IOERR_(WRITE|SHMSIZE|SHMOPEN|TRUNCATE)/;
const FULL_ERRNOS = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const ENVIRONMENT_ERRNOS = new Set(["EMFILE", "ENFILE", "ENOMEM", "EACCES", "EPERM", "EROFS", "EBUSY"]);

const PROBE_BYTES = 64 * 1024;

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

export function errnoOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

/**
 * What a failed operation on a database in `dir` means. An error that is not understood is a broken promise.
 * `offsets` are the sizes of the files that were written: a file-size limit shows only there.
 */
export function classifyFailure(cause: unknown, dir: string, offsets: readonly number[] = []): DiskFailure {
  const code = errnoOf(cause) ?? "";
  const message = `${code === "" ? "" : `${code}: `}${messageOf(cause)}`;
  if (code === "SQLITE_FULL" || FULL_ERRNOS.has(code)) return { kind: "full", message };
  if (cause instanceof SQLiteError && ENVIRONMENT_CODES.test(code)) return { kind: "environment", message };
  if (!(cause instanceof SQLiteError) && ENVIRONMENT_ERRNOS.has(code)) return { kind: "environment", message };
  if (MAYBE_FULL_CODES.test(code)) {
    const errno = probe(dir, offsets);
    if (errno !== undefined) return { kind: "full", message: `${message} (a probe file in the folder met ${errno})` };
  }
  return { kind: "untrusted", message };
}

/** bun:sqlite does not tell the errno, so a file in the same folder is written and synced to learn it. */
function probe(dir: string, offsets: readonly number[]): string | undefined {
  const path = `${dir}/space.probe`;
  try {
    const fd = openSync(path, "w", 0o600);
    try {
      const bytes = new Uint8Array(PROBE_BYTES).fill(1);
      for (const offset of [0, ...offsets]) writeSync(fd, bytes, 0, bytes.length, offset);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return undefined;
  } catch (cause) {
    const errno = errnoOf(cause);
    return errno !== undefined && FULL_ERRNOS.has(errno) ? errno : undefined;
  } finally {
    rmSync(path, { force: true });
  }
}

export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

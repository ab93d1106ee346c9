import { Database } from "bun:sqlite";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isSameBytes } from "../base/index.ts";
import { encodeHead } from "./head-record.ts";
import { BrokenPromise, NewerFormat, RaftDb } from "./raft-db.ts";
import { scanWal } from "./wal-scan.ts";
import { syncFolder, Witness, type WitnessFinding } from "./witness.ts";

/** Another process of this machine uses the folder. */
export class FolderLocked extends Error {
  override readonly name = "FolderLocked";
}

export interface OpenFolder {
  readonly db: RaftDb;
  readonly witness: Witness;
  /** Inodes of the files at open: another one later means that somebody removed them under us. */
  readonly hasMoved: () => boolean;
  readonly unlock: () => void;
}

/**
 * Opens log and witness after every check that needs no trust in SQLite: the folder's lock, the mark, the WAL's frames.
 * A damaged file is never opened, because opening and closing it would destroy the evidence.
 *
 * @throws FolderLocked, BrokenPromise, NewerFormat, Error of SQLite
 */
export function openFolder(folder: string, synchronous: "FULL" | "NORMAL" = "FULL"): OpenFolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lock(folder);
  try {
    const opened = openChecked(folder, synchronous);
    return { ...opened, unlock };
  } catch (cause) {
    unlock();
    throw cause;
  }
}

/** An exclusive SQLite lock on a file of its own: the kernel lets go of it however the process ends. */
function lock(folder: string): () => void {
  const db = new Database(join(folder, "lock.db"), { create: true, readwrite: true });
  try {
    db.run("PRAGMA locking_mode=EXCLUSIVE");
    db.run("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    if (cause instanceof Error && "code" in cause && String(cause.code).startsWith("SQLITE_BUSY")) {
      throw new FolderLocked(`another process uses ${folder}`);
    }
    throw cause;
  }
  return () => db.close();
}

function openChecked(folder: string, synchronous: "FULL" | "NORMAL"): Omit<OpenFolder, "unlock"> {
  const path = join(folder, "raft.db");
  const witnessPath = join(folder, "witness");
  const finding = Witness.read(witnessPath);
  const hasDb = existsSync(path);
  if (finding.kind === "marked") throw new BrokenPromise(`it was marked as untrusted before: ${finding.reason}`);
  if (!hasDb) return createDb(path, witnessPath, finding, synchronous);
  scan(`${path}-wal`);
  const db = new RaftDb(path, synchronous);
  const witness = compare(db, finding, witnessPath);
  return { db, witness, hasMoved: watchFiles([path, witnessPath]) };
}

function createDb(
  path: string,
  witnessPath: string,
  finding: WitnessFinding,
  synchronous: "FULL" | "NORMAL",
): Omit<OpenFolder, "unlock"> {
  if (finding.kind === "unreadable") throw new BrokenPromise("raft.db is gone and its witness is unreadable");
  if (finding.kind === "testimony" && finding.testimony.seq > 0) {
    throw new BrokenPromise(`raft.db is gone, although ${finding.testimony.seq} transactions were acknowledged`);
  }
  if (existsSync(`${path}-wal`)) throw new BrokenPromise("raft.db is gone, although its WAL is still there");
  // The witness comes first: a crash between the two leaves a pristine folder.
  const witness = finding.kind === "missing" ? Witness.create(witnessPath) : Witness.open(witnessPath);
  const db = new RaftDb(path, synchronous);
  syncFolder(join(path, ".."));
  return { db, witness, hasMoved: watchFiles([path, witnessPath]) };
}

function scan(walPath: string): void {
  if (!existsSync(walPath)) return;
  const found = scanWal(readFileSync(walPath));
  if (found.kind === "corrupt") {
    throw new BrokenPromise(`frame ${found.frame} of raft.db-wal is damaged, and acknowledged transactions follow it`);
  }
}

/** Only `seq` decides: with equal numbers the records must be equal, too. */
function compare(db: RaftDb, finding: WitnessFinding, witnessPath: string): Witness {
  const { head } = db;
  if (finding.kind === "missing" || finding.kind === "unreadable") {
    throw new BrokenPromise(
      `the witness of raft.db is ${finding.kind}, so it cannot be told whether transactions were lost`,
    );
  }
  if (finding.kind === "testimony") {
    const { testimony } = finding;
    if (testimony.seq > head.seq) {
      throw new BrokenPromise(
        `raft.db holds ${head.seq} transactions, but ${testimony.seq} were acknowledged: the newest are lost`,
      );
    }
    if (testimony.seq === head.seq && head.seq > 0 && !isSameBytes(testimony.head, encodeHead(head))) {
      throw new BrokenPromise("raft.db and its witness remember different states of the same transaction");
    }
  }
  return Witness.open(witnessPath);
}

function watchFiles(paths: readonly string[]): () => boolean {
  const inodes = paths.map((path) => statSync(path).ino);
  return () =>
    paths.some((path, at) => {
      const now = statSync(path, { throwIfNoEntry: false });
      return now === undefined || now.ino !== inodes[at];
    });
}

export { BrokenPromise, NewerFormat };

import { readFileSync, rmSync } from "node:fs";
import { Database } from "bun:sqlite";
import { isSameBytes, MalformedBytes } from "../base/index.ts";
import type { Identity } from "../node/index.ts";
import { LogSurvey, type RecoveredLog } from "../raft/index.ts";
import { verifyEntries } from "./entry-rows.ts";
import { classifyFailure, sizeOf } from "./failures.ts";
import type { StorePaths } from "./files.ts";
import { encodeHead, LOG_FORMAT, NewerFormat, type HeadRecord, type LogStart } from "./head-record.ts";
import { readHeadRecord } from "./log-database.ts";
import { scanWal } from "./wal-scan.ts";
import { Witness, type WitnessFound } from "./witness.ts";

/** What was found before anything was changed. */
export type Inspection =
  | { readonly kind: "pristine"; readonly hasWitness: boolean }
  | {
      readonly kind: "good";
      readonly head: HeadRecord;
      readonly log: RecoveredLog;
      readonly notes: readonly string[];
      /** Entries at and below are damaged, but a whole snapshot contains them: they are to be removed. */
      readonly purgeTo: LogStart | undefined;
    }
  /** `isLogOnly`: identity and hard state are fine, entries are not; a whole snapshot that contains them would do. */
  | { readonly kind: "untrusted"; readonly reason: string; readonly isLogOnly: boolean }
  | { readonly kind: "full" | "environment" | "newer-format"; readonly message: string };

export interface InspectionOptions {
  readonly paths: StorePaths;
  /** Ends of whole snapshots, newest first: entries at and below need no log. */
  readonly snapshots: readonly LogStart[];
  /** On an operator's word: what the newest transactions wrote may be lost. */
  readonly acceptLoss: boolean;
  /** Of the newest entries so many bytes are handed over whole. */
  readonly tailBytesMax: number;
}

/**
 * Decides whether the log of this folder keeps every promise that was made. Reads only: a damaged file that SQLite opens
 * for writing is checkpointed and deleted, and the evidence with it.
 */
export function inspectLog(options: InspectionOptions): Inspection {
  const { paths } = options;
  const witness = Witness.read(paths.witness);
  if (witness.kind === "newer-format") return witness;
  if (witness.kind === "marked") return untrusted(`this folder was marked as untrusted: ${witness.reason}`);
  if (sizeOf(paths.database) === 0) return withoutDatabase(options, witness);
  if (witness.kind !== "found" && !options.acceptLoss) {
    const why = witness.kind === "missing" ? "is missing" : `is damaged: ${witness.reason}`;
    return untrusted(`the witness file ${paths.witness} ${why}; the newest transactions may be lost`);
  }
  const scan = scanWal(readWal(paths.wal));
  if (scan.kind === "corrupt" && !options.acceptLoss) {
    return untrusted(`frame ${scan.badFrame} of ${paths.wal} is damaged, and acknowledged transactions follow it`);
  }
  const notes: string[] = [];
  if (scan.kind === "corrupt") notes.push(`Everything from frame ${scan.badFrame} of ${paths.wal} on is lost`);
  if (scan.kind === "bad-header") notes.push(`The WAL of ${paths.database} has no valid header and counts as empty`);
  if (witness.kind !== "found")
    notes.push(`The witness file was ${witness.kind}; accepted as an operator asked for it`);
  return inspectDatabase(options, witness, notes);
}

function untrusted(reason: string, isLogOnly = false): Inspection {
  return { kind: "untrusted", reason, isLogOnly };
}

function withoutDatabase({ paths, snapshots }: InspectionOptions, witness: WitnessFound): Inspection {
  if (witness.kind === "found" && witness.head.seq > 0) {
    return untrusted(`the database ${paths.database} is missing although ${witness.head.seq} transactions were made`);
  }
  if (witness.kind === "damaged") return untrusted(`the database is missing and the witness is damaged`);
  if (sizeOf(paths.wal) > 0) return untrusted(`${paths.wal} exists without its database`);
  if (snapshots.length > 0) return untrusted("there are snapshots, but the log is missing");
  return { kind: "pristine", hasWitness: witness.kind === "found" };
}

function readWal(path: string): Uint8Array {
  return sizeOf(path) === 0 ? new Uint8Array(0) : readFileSync(path);
}

function inspectDatabase(options: InspectionOptions, witness: WitnessFound, notes: string[]): Inspection {
  const { paths } = options;
  let database: Database | undefined;
  try {
    database = new Database(paths.database, { readonly: true });
    return inspectOpen(options, database, { witness, notes });
  } catch (cause) {
    if (cause instanceof NewerFormat) return { kind: "newer-format", message: cause.message };
    if (cause instanceof MalformedBytes) return untrusted(cause.message);
    const failure = classifyFailure(cause, paths.folder);
    return failure.kind === "untrusted" ? untrusted(failure.message) : failure;
  } finally {
    database?.close();
    // The index of the WAL that a reader makes; it is always built anew.
    rmSync(`${paths.database}-shm`, { force: true });
  }
}

function inspectOpen(
  options: InspectionOptions,
  database: Database,
  found: { readonly witness: WitnessFound; readonly notes: string[] },
): Inspection {
  const format = pragma(database, "user_version");
  const check = pragma(database, "quick_check(1)");
  if (check !== "ok") return untrusted(`the database file is damaged: ${String(check)}`);
  // SQLite has no checksum over its header. A release with a newer format writes it into the head record as well.
  if (typeof format === "number" && format > LOG_FORMAT && !hasHeadRecord(database)) {
    return { kind: "newer-format", message: `Format ${format} is newer than ${LOG_FORMAT}` };
  }
  if (format !== LOG_FORMAT) return untrusted(`the database is not of format ${LOG_FORMAT}: found ${String(format)}`);
  const head = readHeadRecord(database);
  if (found.witness.kind === "found") {
    const problem = compare(head, found.witness.head);
    if (problem !== undefined) return untrusted(problem);
  }
  const survey = new LogSurvey(options.tailBytesMax);
  const damage = verifyEntries(database, head.base, head.last, (entry) => survey.push(entry));
  const outside = countBelow(database, head.base.index);
  if (damage === undefined && outside === 0) {
    return { kind: "good", head, log: survey.finish(head.base), notes: found.notes, purgeTo: undefined };
  }
  const reason = damage ?? `there are ${outside} entries below the first one`;
  for (const snapshot of options.snapshots) {
    if (snapshot.index <= head.base.index || snapshot.index > head.last.index) continue;
    const rest = new LogSurvey(options.tailBytesMax);
    if (verifyEntries(database, snapshot, head.last, (entry) => rest.push(entry)) !== undefined) continue;
    found.notes.push(
      `The log is damaged (${reason}); what the snapshot at index ${snapshot.index} contains is removed`,
    );
    return { kind: "good", head, log: rest.finish(snapshot), notes: found.notes, purgeTo: snapshot };
  }
  return untrusted(`the log is damaged: ${reason}, and no whole snapshot contains it`, true);
}

/** Whether there is one of this release's format, and whole. */
function hasHeadRecord(database: Database): boolean {
  try {
    readHeadRecord(database);
    return true;
  } catch {
    return false;
  }
}

/** Only `seq` is compared: truncation and resets lower every index legally. */
function compare(head: HeadRecord, witness: HeadRecord): string | undefined {
  if (witness.identity !== undefined && !isSameIdentity(head.identity, witness.identity)) {
    return "the database and its witness belong to different members: files of two folders are mixed";
  }
  if (head.seq < witness.seq) {
    return `transactions are lost: the database is at ${head.seq}, its witness at ${witness.seq}`;
  }
  if (head.seq > witness.seq || isSameBytes(encodeHead(head), encodeHead(witness))) return undefined;
  return `the database and its witness differ at transaction ${head.seq}`;
}

function isSameIdentity(a: Identity | undefined, b: Identity): boolean {
  return a !== undefined && a.clusterId === b.clusterId && a.nodeId === b.nodeId && a.incarnation === b.incarnation;
}

function pragma(database: Database, name: string): unknown {
  const statement = database.prepare<unknown, []>(`PRAGMA ${name}`);
  try {
    return statement.values()[0]?.[0];
  } finally {
    statement.finalize();
  }
}

function countBelow(database: Database, base: number): number {
  const statement = database.prepare<{ count: number }, [number]>(
    "SELECT count(*) AS count FROM entries WHERE idx <= ?",
  );
  try {
    return statement.get(base)?.count ?? 0;
  } finally {
    statement.finalize();
  }
}

import { statfsSync } from "node:fs";
import { join } from "node:path";
import type { StoredState } from "../node/index.ts";
import { chainStart } from "../raft/index.ts";
import { BrokenPromise, FolderLocked, NewerFormat, openFolder, type OpenFolder } from "./folder.ts";
import { encodeHead } from "./head-record.ts";
import { DamagedSnapshot, SnapshotsDb } from "./snapshots-db.ts";
import { classify, EnvironmentFailure } from "./sqlite-failure.ts";
import type { WorkerCall, WorkerFailure, WorkerReply, WorkerRequest, WorkerValue } from "./worker-messages.ts";

declare const self: Worker;

/** How often the witness is synced and the files are looked at. */
const CARE_EVERY_MS = 1_000;

let folder = "";
let log: OpenFolder | undefined;
let snapshots: SnapshotsDb | undefined;
let reserveBytes = 0;
let isBroken = false;

self.addEventListener("message", (event: MessageEvent<WorkerCall>) => {
  const { id, request } = event.data;
  try {
    reply({ id, kind: "value", value: handle(id, request) });
  } catch (cause) {
    reply({ id, kind: "failure", failure: toFailure(cause) });
  }
});

function reply(message: WorkerReply): void {
  self.postMessage(message);
}

function handle(id: number, request: WorkerRequest): WorkerValue {
  if (isBroken) throw new BrokenPromise("an earlier failure of this disk");
  switch (request.op) {
    case "open-log":
      return openLog(request);
    case "open-snapshots":
      folder = request.folder;
      snapshots = new SnapshotsDb(join(request.folder, "snapshots.db"));
      snapshots.removeUnfinished();
      return { kind: "snapshots", ...snapshots.list() };
    case "persist":
    case "bootstrap":
    case "read-log":
      return handleLog(request);
    case "close":
      close();
      return { kind: "done" };
    default:
      return handleSnapshots(id, request);
  }
}

function openLog(request: Extract<WorkerRequest, { op: "open-log" }>): WorkerValue {
  ({ folder, reserveBytes } = request);
  log = openFolder(folder, request.synchronous);
  const { head, identity, hard } = log.db;
  const base =
    identity !== undefined && head.baseIndex === 0 ? chainStart(identity.clusterId, identity.epoch) : head.baseChain;
  const stored: StoredState = {
    identity,
    hard,
    seq: head.seq,
    commitHint: head.commitHint,
    base: { index: head.baseIndex, term: head.baseTerm, chain: base, time: head.baseTime },
    entries: log.db.entries(),
  };
  setInterval(care, CARE_EVERY_MS).unref();
  return { kind: "stored", stored };
}

function handleLog(request: Extract<WorkerRequest, { op: "persist" | "bootstrap" | "read-log" }>): WorkerValue {
  const open = log;
  if (open === undefined) throw new BrokenPromise("the log is not open");
  if (request.op === "read-log") {
    return { kind: "entries", entries: open.db.read(request.from, request.to, request.bytesMax) };
  }
  const startedAt = performance.now();
  // Refused before the transaction, so that the file system keeps room for SQLite's own bookkeeping.
  if (reserveBytes > 0 && freeBytes() < reserveBytes) {
    throw Object.assign(new Error(`less than ${reserveBytes} bytes are free in ${folder}`), { code: "ENOSPC" });
  }
  const head =
    request.op === "persist"
      ? open.db.persist(request.operations, request.commitHint)
      : open.db.bootstrap(request.identity, request.hard, request.entries);
  // After COMMIT returned and before anybody is told: the witness is never ahead of an honest disk.
  open.witness.write({ seq: head.seq, head: encodeHead(head) });
  return { kind: "seq", seq: head.seq, durationMs: performance.now() - startedAt };
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function handleSnapshots(id: number, request: WorkerRequest): WorkerValue {
  const db = snapshots;
  if (db === undefined) throw new BrokenPromise("the snapshots are not open");
  switch (request.op) {
    case "begin":
      db.begin(request.id, request.index);
      return { kind: "done" };
    case "write-part":
      return {
        kind: "offset",
        offset: db.writePart(request.id, request.at, request.part),
        isComplete: false,
        list: [],
      };
    case "complete":
      return { kind: "meta", meta: db.complete(request.id, request.draft, request.pinned), list: db.list().snapshots };
    case "remove":
      db.remove(request.id);
      return { kind: "done" };
    case "receive":
      return receive(db, request);
    case "received-bytes":
      return { kind: "offset", offset: db.receivedBytes(request.id), isComplete: false, list: [] };
    case "read-snapshot":
      return { kind: "bytes", bytes: db.read(request.id, request.offset, request.sizeMax) };
    case "load":
      db.load(request.meta, (part) => reply({ id, kind: "part", part }));
      return { kind: "done" };
    default:
      throw new BrokenPromise(`${request.op} is no operation on snapshots`);
  }
}

function receive(db: SnapshotsDb, request: Extract<WorkerRequest, { op: "receive" }>): WorkerValue {
  const { meta, offset, bytes, isLast, pinned } = request;
  if (offset === 0) db.begin(meta.id, meta.index);
  if (bytes.length > 0) db.writePiece(meta.id, offset, bytes);
  if (isLast) db.completeReceived(meta, pinned);
  return { kind: "offset", offset: offset + bytes.length, isComplete: isLast, list: isLast ? db.list().snapshots : [] };
}

function close(): void {
  log?.db.close();
  log?.witness.close();
  log?.unlock();
  snapshots?.close();
  log = undefined;
  snapshots = undefined;
}

/** Off the path of writes: sync the witness, notice files that were removed or replaced under us. */
function care(): void {
  if (log === undefined || isBroken) return;
  try {
    log.witness.sync();
    if (!log.hasMoved()) return;
    throw new BrokenPromise(`files in ${folder} were removed or replaced while this node was running`);
  } catch (cause) {
    const failure = toFailure(cause);
    if (failure.kind === "untrusted" || failure.kind === "full") reply({ id: 0, kind: "alarm", failure });
  }
}

function toFailure(cause: unknown): WorkerFailure {
  if (cause instanceof FolderLocked) return { kind: "locked", message: cause.message };
  if (cause instanceof NewerFormat) return { kind: "newer-format", message: cause.message };
  if (cause instanceof DamagedSnapshot) return { kind: "damaged", message: cause.message };
  try {
    const failure = classify(cause, folder);
    if (failure.kind === "untrusted") distrust(failure.message);
    return failure;
  } catch (environment) {
    if (!(environment instanceof EnvironmentFailure)) throw environment;
    return { kind: "environment", message: environment.message };
  }
}

/** Nothing is written or closed any more: closing would checkpoint what cannot be trusted. */
function distrust(reason: string): void {
  isBroken = true;
  try {
    log?.witness.mark(reason);
  } catch {
    // The disk that broke its promise may refuse the mark, too: this process stays up and says so.
  }
}

import { statSync } from "node:fs";
import { assert, MalformedBytes, type ByteWriter, type LogIndex } from "../base/index.ts";
import type { Identity, StorageFailure } from "../node/index.ts";
import { classifyFailure, EnvironmentFailure, freeBytes, sizeOf, type DiskFailure } from "./failures.ts";
import { storePaths, type StorePaths } from "./files.ts";
import { readIdentity, readLogStart, writeIdentity, type HeadRecord } from "./head-record.ts";
import type { LogDatabase, LogTransaction } from "./log-database.ts";
import { openLogFiles, type LogOpened, type LogOpening, type OpenedLog } from "./log-opening.ts";
import { writeMembershipRecord } from "./member-record.ts";
import { bytesOf, readOperations, writeEntries } from "./persist-codec.ts";
import { recoveredBytes, writeRecovered } from "./recovered-codec.ts";
import { toOpenFailure, writeOpenFailure } from "./open-failure.ts";
import { Reserve } from "./reserve.ts";
import { OPS, type DiskService, type Request } from "./wire.ts";
import type { Witness } from "./witness.ts";

/** So much takes a few milliseconds, and fewer than one transaction in a hundred waits for it. */
const CHECKPOINT_BYTES = 2 * 1024 * 1024;
const WATCH_MS = 1000;
/** All of an opened log but what it tells of entries. */
const OPENED_BYTES_MAX = 4096;

interface FileId {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

/** Databases that must never be closed, because closing would rewrite the evidence. */
const keptOpen: LogDatabase[] = [];

/** The log in the Worker: strictly one request after the other. */
export class LogService implements DiskService {
  readonly #onUntrusted: (failure: StorageFailure) => void;
  #paths: StorePaths = storePaths({ dataDir: "" });
  #opened: OpenedLog | undefined;
  #boot = "";
  #reserve: Reserve | undefined;
  #broken: StorageFailure | undefined;
  #files: FileId[] = [];
  #watch: ReturnType<typeof setInterval> | undefined;
  #isCheckpointDue = false;

  constructor(onUntrusted: (failure: StorageFailure) => void) {
    this.#onUntrusted = onUntrusted;
  }

  handle(request: Request): void {
    if (request.op === OPS.openLog) return this.#open(request);
    if (request.op === OPS.closeLog) return this.#close(request);
    if (this.#broken !== undefined) return request.fail(this.#broken);
    if (this.#opened === undefined) {
      return request.fail({ kind: "environment", message: "The log is not open" });
    }
    if (request.op === OPS.persist) return this.#persist(request, this.#opened);
    if (request.op === OPS.bootstrap) return this.#bootstrap(request, this.#opened);
    this.#read(request, this.#opened.database);
  }

  #open(request: Request): void {
    const { body } = request;
    const folders = { dataDir: body.text(), raftDir: body.text() };
    const boot = body.text();
    const reserveBytes = body.u53();
    const acceptLoss = body.u8() === 1;
    const synchronous = body.u8() === 1 ? "NORMAL" : "FULL";
    const tailBytesMax = body.u53();
    const snapshots = Array.from({ length: body.u32() }, () => readLogStart(body));
    this.#paths = storePaths(folders);
    const free = (): number => freeBytes(this.#paths.folder);
    this.#reserve = new Reserve({ reserveBytes, free, now: () => performance.now() });
    this.#boot = boot;
    const opened = attemptOpen({ ...folders, boot, snapshots, acceptLoss, synchronous, tailBytesMax });
    if (opened.kind !== "opened") {
      const message = opened.kind === "untrusted" ? opened.reason : opened.message;
      const isLogOnly = opened.kind === "untrusted" && opened.isLogOnly;
      const failure = toOpenFailure(opened.kind, message, isLogOnly);
      return request.ok((writer) => writeOpenFailure(writer.u8(0), failure));
    }
    // What was found goes to the main thread and is not kept twice.
    this.#opened = { ...opened, log: { base: opened.log.base, entries: [] } };
    this.#files = [fileId(this.#paths.database), fileId(this.#paths.witness)].filter((file) => file !== undefined);
    this.#watch = setInterval(() => this.#check(), WATCH_MS);
    request.ok((writer) => writeOpened(writer, opened), OPENED_BYTES_MAX + recoveredBytes(opened.log));
  }

  #persist(request: Request, { database, witness }: OpenedLog): void {
    const { body } = request;
    const commitHint = body.u53();
    const operations = readOperations(body);
    this.#commit(request, { database, witness }, { operations, commitHint, boot: this.#boot });
  }

  #bootstrap(request: Request, { database, witness }: OpenedLog): void {
    const { body } = request;
    const identity = readIdentity(body);
    const operations = readOperations(body);
    assert(identity !== undefined, "A log begins with an identity");
    const transaction = { operations, commitHint: 0, boot: this.#boot, identity };
    this.#commit(request, { database, witness }, transaction);
  }

  #commit(
    request: Request,
    { database, witness }: { readonly database: LogDatabase; readonly witness: Witness },
    transaction: LogTransaction,
  ): void {
    const startedAt = performance.now();
    const noSpace = this.#reserve?.refusal(transaction.operations);
    if (noSpace !== undefined) return request.fail(noSpace);
    let head: HeadRecord;
    try {
      head = database.transact(transaction);
    } catch (cause) {
      return request.fail(this.#afterFailure(cause, database));
    }
    try {
      // Only now may the witness say so, and only when it did may anybody else be told.
      witness.write(head.seq, database.headBytes);
      if (transaction.identity !== undefined) this.#remember(transaction.identity);
    } catch (cause) {
      return request.fail(this.#break(`The witness cannot be written: ${String(cause)}`));
    }
    const durationMs = performance.now() - startedAt;
    request.ok((writer) => writer.u53(head.seq).u53(Math.round(durationMs * 1000)));
    this.#checkpointLater(database);
  }

  #remember(identity: Identity): void {
    writeMembershipRecord(this.#paths, identity);
  }

  #afterFailure(cause: unknown, database: LogDatabase): DiskFailure {
    const failure = this.#classify(cause);
    if (failure.kind === "untrusted") return this.#break(failure.message);
    try {
      database.rollback();
    } catch (second) {
      return this.#break(`A failed transaction cannot be rolled back: ${String(second)}`);
    }
    return failure;
  }

  /** An assertion is no disk failure: it ends the Worker, and with it the trust in this store. */
  #classify(cause: unknown): DiskFailure {
    if (cause instanceof MalformedBytes) return { kind: "untrusted", message: cause.message };
    if (cause instanceof Error && cause.name === "InvariantViolation") throw cause;
    return classifyFailure(cause, this.#paths.folder, [sizeOf(this.#paths.wal), sizeOf(this.#paths.database)]);
  }

  #break(message: string): StorageFailure {
    const failure = { kind: "untrusted", message } as const;
    this.#broken = failure;
    clearInterval(this.#watch);
    if (this.#opened !== undefined) {
      keptOpen.push(this.#opened.database);
      this.#opened.witness.mark(message);
    }
    return failure;
  }

  #read(request: Request, database: LogDatabase): void {
    const { body } = request;
    const range: { from: LogIndex; to: LogIndex; bytesMax: number } = {
      from: body.u53(),
      to: body.u53(),
      bytesMax: body.u53(),
    };
    try {
      const entries = database.read(range);
      request.ok((writer) => writeEntries(writer, entries), bytesOf(entries));
    } catch (cause) {
      if (cause instanceof MalformedBytes) return request.fail({ kind: "damaged", message: cause.message });
      request.fail(this.#afterFailure(cause, database));
    }
  }

  #checkpointLater(database: LogDatabase): void {
    if (this.#isCheckpointDue || database.walBytes < CHECKPOINT_BYTES) return;
    this.#isCheckpointDue = true;
    setImmediate(() => {
      this.#isCheckpointDue = false;
      if (this.#broken === undefined && this.#opened !== undefined) this.#checkpoint(database);
    });
  }

  #checkpoint(database: LogDatabase): void {
    try {
      database.checkpoint();
    } catch (cause) {
      const failure = this.#classify(cause);
      // Without space the WAL just grows on; the next batch tries again.
      if (failure.kind === "untrusted") this.#onUntrusted(this.#break(failure.message));
    }
  }

  /** Once a second: the witness reaches the disk, and files that were removed or replaced under us are noticed. */
  #check(): void {
    if (this.#broken !== undefined || this.#opened === undefined) return;
    this.#opened.witness.syncLater((cause) => {
      if (this.#broken === undefined) this.#onUntrusted(this.#break(`The witness cannot be synced: ${cause.message}`));
    });
    if (!this.#files.some(({ path }) => path === this.#paths.wal)) {
      const wal = fileId(this.#paths.wal);
      if (wal !== undefined) this.#files.push(wal);
    }
    const changed = this.#files.find((file) => !isSameFile(file));
    if (changed === undefined) return;
    this.#onUntrusted(this.#break(`The file ${changed.path} was removed or replaced while in use`));
  }

  #close(request: Request): void {
    clearInterval(this.#watch);
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined) return request.ok();
    if (this.#broken !== undefined) {
      // The database stays open and untouched; a new folder in its place may be opened by others now.
      opened.lock.release();
      return request.ok();
    }
    try {
      opened.database.close();
      opened.witness.close();
      opened.lock.release();
      request.ok();
    } catch (cause) {
      request.fail(this.#classify(cause));
    }
  }
}

function attemptOpen(opening: LogOpening): LogOpened {
  try {
    return openLogFiles(opening);
  } catch (cause) {
    if (cause instanceof EnvironmentFailure) return { kind: "environment", message: cause.message };
    throw cause;
  }
}

function writeOpened(writer: ByteWriter, { head, log, notes }: OpenedLog): void {
  writer
    .u8(1)
    .u53(head.seq)
    .u53(head.hard.term)
    .text(head.hard.vote ?? "");
  writer.u53(head.commitHint);
  writeIdentity(writer, head.identity);
  writer.u32(notes.length);
  for (const note of notes) writer.text(note);
  writeRecovered(writer, log);
}

function fileId(path: string): FileId | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { path, dev: stat.dev, ino: stat.ino };
}

function isSameFile(file: FileId): boolean {
  const now = fileId(file.path);
  return now !== undefined && now.ino === file.ino && now.dev === file.dev;
}

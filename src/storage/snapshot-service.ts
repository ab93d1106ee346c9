import { existsSync, mkdirSync, renameSync } from "node:fs";
import { MalformedBytes, type ByteWriter } from "../base/index.ts";
import { readSnapshotMeta, writeSnapshotMeta, type SnapshotMeta } from "../raft/index.ts";
import { ZSTD } from "./codec.ts";
import { classifyFailure, errnoOf, messageOf, sizeOf } from "./failures.ts";
import { storePaths, type StorePaths } from "./files.ts";
import { toOpenFailure, writeOpenFailure } from "./open-failure.ts";
import { DamagedSnapshot, SnapshotDatabase } from "./snapshot-database.ts";
import { encodePart, PartDecoder } from "./stored-stream.ts";
import { OPS, type DiskService, type Request } from "./wire.ts";

/** Raw bytes compressed in one go. */
const RAW_PART_BYTES = 256 * 1024;
/** Stored bytes gathered before they are written as one piece. */
const BUFFERED_BYTES = 256 * 1024;
const READ_BYTES = 256 * 1024;

interface Writing {
  readonly serial: number;
  readonly buffered: Uint8Array[];
  bufferedBytes: number;
  stored: number;
  readonly hash: Bun.CryptoHasher;
}

interface Loading {
  readonly serial: number;
  readonly meta: SnapshotMeta;
  readonly decoder: PartDecoder;
  readonly parts: Uint8Array[];
  at: number;
}

/** Snapshots in their Worker: compressing, storing, checking. One request after the other. */
export class SnapshotService implements DiskService {
  #paths: StorePaths = storePaths({ dataDir: "" });
  #database: SnapshotDatabase | undefined;
  readonly #complete = new Map<string, { readonly serial: number; readonly meta: SnapshotMeta }>();
  readonly #writing = new Map<number, Writing>();
  readonly #loading = new Map<number, Loading>();
  #receiving: { readonly serial: number; readonly meta: SnapshotMeta; stored: number } | undefined;
  #isSweeping = false;

  handle(request: Request): void {
    if (request.op === OPS.openSnapshots) return this.#open(request);
    if (request.op === OPS.closeSnapshots) return this.#close(request);
    const database = this.#database;
    if (database === undefined) return request.fail({ kind: "environment", message: "The snapshots are not open" });
    try {
      this.#dispatch(request, database);
    } catch (cause) {
      this.#fail(request, database, cause);
    }
  }

  #dispatch(request: Request, database: SnapshotDatabase): void {
    switch (request.op) {
      case OPS.write:
        return this.#write(request, database);
      case OPS.complete:
        return this.#finish(request, database);
      case OPS.abort:
        return this.#abort(request, database);
      case OPS.drop:
        return this.#drop(request, database);
      case OPS.readStored:
        return this.#readStored(request, database);
      case OPS.receive:
        return this.#receive(request, database);
      case OPS.loadStart:
        return this.#loadStart(request, database);
      case OPS.loadNext:
        return this.#loadNext(request, database);
      default:
        throw new MalformedBytes(`Operation ${request.op} is unknown`);
    }
  }

  #fail(request: Request, database: SnapshotDatabase, cause: unknown): void {
    if (cause instanceof Error && cause.name === "InvariantViolation") throw cause;
    const code = errnoOf(cause) ?? "";
    // A damaged snapshot file is no broken promise: the state can be had again. A disk that fails is one.
    const isDamage = code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB";
    if (cause instanceof DamagedSnapshot || cause instanceof MalformedBytes || isDamage) {
      return request.fail({ kind: "damaged", message: messageOf(cause) });
    }
    const sizes = [sizeOf(this.#paths.snapshots), sizeOf(`${this.#paths.snapshots}-wal`)];
    const failure = classifyFailure(cause, this.#paths.folder, sizes);
    if (failure.kind !== "untrusted") database.rollback();
    request.fail(failure);
  }

  #open(request: Request): void {
    const { body } = request;
    this.#paths = storePaths({ dataDir: body.text(), raftDir: body.text() });
    const notes: string[] = [];
    try {
      mkdirSync(this.#paths.folder, { recursive: true, mode: 0o700 });
      const database = this.#openFile(notes);
      this.#database = database;
      database.dropUnfinished();
      const rows = database.rows();
      for (const row of rows.complete) this.#complete.set(row.meta.id, row);
      const partial = rows.receiving.at(-1);
      for (const { serial } of rows.receiving.slice(0, -1)) database.drop(serial);
      if (partial !== undefined) this.#receiving = { ...partial, stored: database.storedBytes(partial.serial) };
      this.#sweepLater(database);
      request.ok((writer) => this.#writeOpened(writer, [...notes, ...rows.notes]));
    } catch (cause) {
      const failure = classifyFailure(cause, this.#paths.folder);
      request.ok((writer) => writeOpenFailure(writer.u8(0), toOpenFailure(failure.kind, failure.message)));
    }
  }

  /** A file that SQLite cannot read is set aside, never deleted: snapshots can be made or fetched again. */
  #openFile(notes: string[]): SnapshotDatabase {
    const path = this.#paths.snapshots;
    try {
      return new SnapshotDatabase(path);
    } catch (cause) {
      const code = errnoOf(cause) ?? "";
      if (!code.startsWith("SQLITE_CORRUPT") && code !== "SQLITE_NOTADB" && code !== "SQLITE_ERROR") throw cause;
      const aside = path.replace(/\.db$/, `.damaged-${Date.now()}.db`);
      for (const suffix of ["", "-wal"]) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
      notes.push(`The snapshots in ${path} cannot be read (${messageOf(cause)}) and were moved to ${aside}`);
      return new SnapshotDatabase(path);
    }
  }

  #writeOpened(writer: ByteWriter, notes: readonly string[]): void {
    writer.u8(1).u32(notes.length);
    for (const note of notes) writer.text(note);
    writer.u32(this.#complete.size);
    for (const { meta } of this.#complete.values()) writeSnapshotMeta(writer, meta);
    writer.u8(Number(this.#receiving !== undefined));
    if (this.#receiving === undefined) return;
    writeSnapshotMeta(writer, this.#receiving.meta);
    writer.u53(this.#receiving.stored);
  }

  #write({ body, ok }: Request, database: SnapshotDatabase): void {
    const writing = this.#writer(body.u32(), database);
    const part = body.bytes();
    for (let from = 0; from < part.length; from += RAW_PART_BYTES) {
      const encoded = encodePart(ZSTD, part.subarray(from, from + RAW_PART_BYTES));
      writing.buffered.push(encoded);
      writing.bufferedBytes += encoded.length;
      writing.hash.update(encoded);
    }
    if (writing.bufferedBytes >= BUFFERED_BYTES) flush(database, writing);
    ok();
  }

  #writer(number: number, database: SnapshotDatabase): Writing {
    const known = this.#writing.get(number);
    if (known !== undefined) return known;
    const serial = database.begin("writing", undefined);
    const hash = new Bun.CryptoHasher("sha256");
    const writing: Writing = { serial, buffered: [], bufferedBytes: 0, stored: 0, hash };
    this.#writing.set(number, writing);
    return writing;
  }

  #finish({ body, ok }: Request, database: SnapshotDatabase): void {
    const number = body.u32();
    const writing = this.#writer(number, database);
    const draft = readSnapshotMeta(body);
    flush(database, writing);
    const isFree = draft.id !== "" && !this.#complete.has(draft.id);
    const id = isFree ? draft.id : `${draft.term}-${draft.index}-${writing.serial}-${crypto.randomUUID().slice(0, 8)}`;
    const meta = { ...draft, id, sizeBytes: writing.stored, sha256: writing.hash.digest("hex") };
    this.#completeRow(database, writing.serial, meta);
    this.#writing.delete(number);
    ok((writer) => writeSnapshotMeta(writer, meta));
  }

  #completeRow(database: SnapshotDatabase, serial: number, meta: SnapshotMeta): void {
    try {
      database.complete(serial, meta);
    } catch (cause) {
      if (cause instanceof DamagedSnapshot) database.drop(serial);
      throw cause;
    }
    this.#complete.set(meta.id, { serial, meta });
    database.dropDamaged();
    this.#sweepLater(database);
  }

  #abort({ body, ok }: Request, database: SnapshotDatabase): void {
    const number = body.u32();
    const writing = this.#writing.get(number);
    this.#writing.delete(number);
    if (writing !== undefined) database.drop(writing.serial);
    this.#sweepLater(database);
    ok();
  }

  #drop({ body, ok }: Request, database: SnapshotDatabase): void {
    const id = body.text();
    const row = this.#complete.get(id);
    this.#complete.delete(id);
    if (row !== undefined) database.drop(row.serial);
    this.#sweepLater(database);
    ok();
  }

  #readStored({ body, ok }: Request, database: SnapshotDatabase): void {
    const { serial, meta } = this.#row(body.text());
    const offset = body.u53();
    const sizeMax = body.u53();
    const pieces: Uint8Array[] = [];
    let size = 0;
    while (size < sizeMax && offset + size < meta.sizeBytes) {
      const piece = database.read(serial, offset + size, sizeMax - size);
      if (piece.length === 0) throw new DamagedSnapshot(`Snapshot ${meta.id} lacks bytes at ${offset + size}`);
      pieces.push(piece);
      size += piece.length;
    }
    ok((writer) => {
      writer.u32(size);
      for (const piece of pieces) writer.raw(piece);
    });
  }

  #row(id: string): { readonly serial: number; readonly meta: SnapshotMeta } {
    const row = this.#complete.get(id);
    if (row === undefined) throw new DamagedSnapshot(`Snapshot ${id} is not here any more`);
    return row;
  }

  #receive({ body, ok }: Request, database: SnapshotDatabase): void {
    const meta: SnapshotMeta = { ...readSnapshotMeta(body), origin: "received" };
    const offset = body.u53();
    const isLast = body.u8() === 1;
    const bytes = body.bytes();
    const known = this.#complete.get(meta.id);
    if (known !== undefined && known.meta.sha256 === meta.sha256) return replyReceived(ok, meta.sizeBytes, true);
    const receiving = this.#receivingOf(meta, database);
    if (offset !== receiving.stored) return replyReceived(ok, receiving.stored, false);
    if (offset + bytes.length > meta.sizeBytes) return this.#discard(database, `more bytes came than announced`);
    if (bytes.length > 0) receiving.stored = database.append(receiving.serial, offset, bytes);
    if (!isLast && receiving.stored < meta.sizeBytes) return replyReceived(ok, receiving.stored, false);
    if (receiving.stored < meta.sizeBytes) return this.#discard(database, "fewer bytes came than announced");
    this.#receiving = undefined;
    this.#completeRow(database, receiving.serial, meta);
    replyReceived(ok, receiving.stored, true);
  }

  #discard(database: SnapshotDatabase, reason: string): never {
    if (this.#receiving !== undefined) database.drop(this.#receiving.serial);
    this.#receiving = undefined;
    this.#sweepLater(database);
    throw new DamagedSnapshot(reason);
  }

  /** One transfer at a time: another snapshot's partial bytes are given up. */
  #receivingOf(meta: SnapshotMeta, database: SnapshotDatabase): { readonly serial: number; stored: number } {
    const current = this.#receiving;
    if (current !== undefined && isSameSnapshot(current.meta, meta)) return current;
    if (current !== undefined) database.drop(current.serial);
    const started = { serial: database.begin("receiving", meta), meta, stored: 0 };
    this.#receiving = started;
    this.#sweepLater(database);
    return started;
  }

  #loadStart({ body, ok }: Request, database: SnapshotDatabase): void {
    const number = body.u32();
    const id = body.text();
    const { serial, meta } = this.#row(id);
    try {
      database.verify(serial, meta);
    } catch (cause) {
      if (cause instanceof DamagedSnapshot) {
        this.#complete.delete(id);
        database.markDamaged(serial);
      }
      throw cause;
    }
    this.#loading.set(number, { serial, meta, decoder: new PartDecoder(), parts: [], at: 0 });
    ok();
  }

  #loadNext({ body, ok }: Request, database: SnapshotDatabase): void {
    const number = body.u32();
    const loading = this.#loading.get(number);
    if (loading === undefined) throw new DamagedSnapshot("This load is over");
    // Until it comes to a part: requests that wait behind one that failed must not go on behind the damage.
    this.#loading.delete(number);
    while (loading.parts.length === 0 && loading.at < loading.meta.sizeBytes) {
      const piece = database.read(loading.serial, loading.at, READ_BYTES);
      if (piece.length === 0) throw new DamagedSnapshot(`Snapshot ${loading.meta.id} lacks bytes at ${loading.at}`);
      loading.at += piece.length;
      loading.parts.push(...loading.decoder.push(piece));
    }
    const part = loading.parts.shift();
    if (part === undefined) loading.decoder.end();
    else this.#loading.set(number, loading);
    ok((writer) => {
      writer.u8(Number(part !== undefined));
      if (part !== undefined) writer.bytes(part);
    });
  }

  #sweepLater(database: SnapshotDatabase): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    setImmediate(() => this.#sweep(database));
  }

  #sweep(database: SnapshotDatabase): void {
    this.#isSweeping = false;
    if (this.#database !== database) return;
    try {
      if (database.sweep()) this.#sweepLater(database);
    } catch (cause) {
      // Without space nothing is removed; the next drop tries again. Anything worse shows in the next request.
      if (classifyFailure(cause, this.#paths.folder).kind === "full") database.rollback();
    }
  }

  #close(request: Request): void {
    const database = this.#database;
    this.#database = undefined;
    try {
      database?.close();
      request.ok();
    } catch (cause) {
      request.fail(classifyFailure(cause, this.#paths.folder));
    }
  }
}

function flush(database: SnapshotDatabase, writing: Writing): void {
  if (writing.buffered.length === 0) return;
  writing.stored = database.append(writing.serial, writing.stored, Buffer.concat(writing.buffered));
  writing.buffered.length = 0;
  writing.bufferedBytes = 0;
}

function replyReceived(ok: Request["ok"], nextOffset: number, isComplete: boolean): void {
  ok((writer) => writer.u53(nextOffset).u8(Number(isComplete)));
}

function isSameSnapshot(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return a.id === b.id && a.sha256 === b.sha256 && a.sizeBytes === b.sizeBytes;
}

import { Database, type Statement } from "bun:sqlite";
import { assert, ByteReader, ByteWriter, crc32, MalformedBytes } from "../base/index.ts";
import { readSnapshotMeta, writeSnapshotMeta, type SnapshotMeta } from "../raft/index.ts";

export const SNAPSHOT_STORE_FORMAT = 1;
const APPLICATION_ID = 0x4b6f6e74;
/** Stored bytes in one row. */
const PIECE_BYTES = 256 * 1024;
/** Rows deleted in one transaction, so that dropping a big snapshot never takes long in one go. */
const DELETE_PIECES = 16;

/** What a row of `snapshots` is. `dropped` and `writing` are leftovers after a restart. */
const STATES = { writing: 0, receiving: 1, complete: 2, dropped: 3, damaged: 4 } as const;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS snapshots (
    serial INTEGER PRIMARY KEY, state INTEGER NOT NULL, meta BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS pieces (
    serial INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (serial, at)
  ) STRICT;
`;

/** The stored bytes are not the ones that were written. */
export class DamagedSnapshot extends Error {
  override readonly name = "DamagedSnapshot";
}

export interface SnapshotRow {
  readonly serial: number;
  readonly meta: SnapshotMeta;
}

export interface SnapshotRows {
  /** Oldest first. */
  readonly complete: readonly SnapshotRow[];
  readonly receiving: readonly SnapshotRow[];
  readonly notes: readonly string[];
}

interface RawRow {
  readonly serial: number;
  readonly state: number;
  readonly meta: unknown;
}

interface Piece {
  readonly at: number;
  readonly bytes: unknown;
}

/** Snapshots in pieces in one SQLite file. Synchronous: lives in a Worker of its own. */
export class SnapshotDatabase {
  readonly #database: Database;
  readonly #insertPiece: Statement<unknown, [number, number, Uint8Array]>;
  readonly #pieceAt: Statement<Piece, [number, number]>;

  /** @throws SQLiteError, DamagedSnapshot when the file is not what was written */
  constructor(path: string) {
    const database = new Database(path, { readwrite: true, create: true });
    this.#database = database;
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // A piece alone promises nothing. The transaction that completes a snapshot syncs everything before it.
    database.run("PRAGMA synchronous = NORMAL");
    database.run("PRAGMA wal_autocheckpoint = 512");
    database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.run(`PRAGMA user_version = ${SNAPSHOT_STORE_FORMAT}`);
    database.run(SCHEMA);
    this.#insertPiece = database.prepare("INSERT INTO pieces (serial, at, bytes) VALUES (?, ?, ?)");
    this.#pieceAt = database.prepare(
      "SELECT at, bytes FROM pieces WHERE serial = ? AND at <= ? ORDER BY at DESC LIMIT 1",
    );
  }

  /** A record that cannot be read is left out and named. */
  rows(): SnapshotRows {
    const complete: SnapshotRow[] = [];
    const receiving: SnapshotRow[] = [];
    const notes: string[] = [];
    const rows = this.#database.query<RawRow, []>("SELECT serial, state, meta FROM snapshots ORDER BY serial").all();
    for (const { serial, state, meta } of rows) {
      if (state === STATES.damaged) notes.push(`Snapshot ${serial} was found damaged before and is left aside`);
      if (state !== STATES.complete && state !== STATES.receiving) continue;
      try {
        (state === STATES.complete ? complete : receiving).push({ serial, meta: decodeMeta(meta) });
      } catch (cause) {
        if (!(cause instanceof MalformedBytes)) throw cause;
        notes.push(`The record of snapshot ${serial} is damaged and left aside: ${cause.message}`);
      }
    }
    complete.sort((a, b) => a.meta.index - b.meta.index || a.serial - b.serial);
    return { complete, receiving, notes };
  }

  /** Starts a row; what is written to it counts only once it is completed. */
  begin(kind: "writing" | "receiving", meta: SnapshotMeta | undefined): number {
    const encoded = meta === undefined ? new Uint8Array(0) : encodeMeta(meta);
    const { lastInsertRowid } = this.#database.run("INSERT INTO snapshots (state, meta) VALUES (?, ?)", [
      STATES[kind],
      encoded,
    ]);
    return Number(lastInsertRowid);
  }

  /** Appends stored bytes at `at`; returns the new end. */
  append(serial: number, at: number, bytes: Uint8Array): number {
    let end = at;
    this.#database.run("BEGIN IMMEDIATE");
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      const piece = bytes.subarray(from, from + PIECE_BYTES);
      this.#insertPiece.run(serial, end, piece);
      end += piece.length;
    }
    this.#database.run("COMMIT");
    return end;
  }

  /** End of the stored bytes without a gap. */
  storedBytes(serial: number): number {
    let size = 0;
    const rows = this.#database
      .query<{ at: number; size: number }, [number]>(
        "SELECT at, length(bytes) AS size FROM pieces WHERE serial = ? ORDER BY at",
      )
      .all(serial);
    for (const row of rows) {
      if (row.at !== size) break;
      size += row.size;
    }
    return size;
  }

  /** Checks what is stored against `meta` and makes it complete: durable on return. @throws DamagedSnapshot */
  complete(serial: number, meta: SnapshotMeta): void {
    this.verify(serial, meta);
    this.#database.run("PRAGMA synchronous = FULL");
    try {
      const sql = "UPDATE snapshots SET state = ?, meta = ? WHERE serial = ?";
      const { changes } = this.#database.run(sql, [STATES.complete, encodeMeta(meta), serial]);
      assert(changes === 1, "A snapshot that is completed must have a row");
    } finally {
      this.#database.run("PRAGMA synchronous = NORMAL");
    }
  }

  /** Reads all stored bytes back. @throws DamagedSnapshot */
  verify(serial: number, meta: SnapshotMeta): void {
    const { size, sha256 } = this.digest(serial, meta.sizeBytes);
    if (size === meta.sizeBytes && sha256 === meta.sha256) return;
    throw new DamagedSnapshot(`The stored bytes of snapshot ${meta.id} are not the ones that were written`);
  }

  digest(serial: number, sizeBytes: number): { readonly size: number; readonly sha256: string } {
    const hash = new Bun.CryptoHasher("sha256");
    let size = 0;
    while (size < sizeBytes) {
      const piece = this.read(serial, size, PIECE_BYTES);
      if (piece.length === 0) break;
      hash.update(piece);
      size += piece.length;
    }
    return { size, sha256: hash.digest("hex") };
  }

  /** Stored bytes from `offset` on, at most `sizeMax` and at most to the end of a piece; empty: there are none. */
  read(serial: number, offset: number, sizeMax: number): Uint8Array {
    const piece = this.#pieceAt.get(serial, offset);
    if (piece === null) return new Uint8Array(0);
    if (!(piece.bytes instanceof Uint8Array)) throw new DamagedSnapshot("A stored piece holds no bytes");
    const from = offset - piece.at;
    return piece.bytes.subarray(from, from + sizeMax);
  }

  markDamaged(serial: number): void {
    this.#database.run("UPDATE snapshots SET state = ? WHERE serial = ?", [STATES.damaged, serial]);
  }

  drop(serial: number): void {
    this.#database.run("UPDATE snapshots SET state = ? WHERE serial = ?", [STATES.dropped, serial]);
  }

  /** After a restart nobody goes on writing what was being written. */
  dropUnfinished(): void {
    this.#database.run("UPDATE snapshots SET state = ? WHERE state = ?", [STATES.dropped, STATES.writing]);
  }

  /** Damaged ones are evidence only until something whole is newer. */
  dropDamaged(): void {
    this.#database.run("UPDATE snapshots SET state = ? WHERE state = ?", [STATES.dropped, STATES.damaged]);
  }

  /** Removes a little of what was dropped. False: nothing is left to remove. */
  sweep(): boolean {
    const row = this.#database
      .query<{ serial: number }, [number]>("SELECT serial FROM snapshots WHERE state = ? ORDER BY serial LIMIT 1")
      .get(STATES.dropped);
    if (row === null) return false;
    const { changes } = this.#database.run(
      "DELETE FROM pieces WHERE serial = ?1 AND at IN (SELECT at FROM pieces WHERE serial = ?1 ORDER BY at LIMIT ?2)",
      [row.serial, DELETE_PIECES],
    );
    if (changes === 0) this.#database.run("DELETE FROM snapshots WHERE serial = ?", [row.serial]);
    return true;
  }

  rollback(): void {
    if (this.#database.inTransaction) this.#database.run("ROLLBACK");
  }

  close(): void {
    this.#database.close(true);
  }
}

function encodeMeta(meta: SnapshotMeta): Uint8Array {
  const writer = new ByteWriter();
  writeSnapshotMeta(writer, meta);
  return writer.u32(crc32(writer.view())).finish();
}

function decodeMeta(bytes: unknown): SnapshotMeta {
  if (!(bytes instanceof Uint8Array) || bytes.length < 4) throw new MalformedBytes("it is cut off");
  const body = bytes.subarray(0, bytes.length - 4);
  if (new ByteReader(bytes.subarray(body.length)).u32() !== crc32(body)) throw new MalformedBytes("wrong checksum");
  return readSnapshotMeta(new ByteReader(body));
}

import { Database } from "bun:sqlite";
import { ByteReader, ByteWriter } from "../base/index.ts";
import { readSnapshotMeta, writeSnapshotMeta, type SnapshotMeta } from "../raft/index.ts";
import { ZSTD } from "./codec.ts";
import { encodePart, PartDecoder } from "./stored-stream.ts";

/** Complete snapshots that are kept, besides pinned ones. */
const KEPT = 2;
const FORMAT = 1;

/** The stored bytes are not the ones that were written. */
export class DamagedSnapshot extends Error {
  override readonly name = "DamagedSnapshot";
}

export type Draft = Omit<SnapshotMeta, "sizeBytes" | "sha256">;

/** Snapshots in one SQLite file, in pieces. Synchronous: lives in a Worker of its own. */
export class SnapshotsDb {
  readonly #db: Database;

  /** @throws Error of SQLite */
  constructor(path: string) {
    this.#db = new Database(path, { create: true, readwrite: true, strict: true });
    this.#db.run("PRAGMA locking_mode=EXCLUSIVE");
    this.#db.run("PRAGMA journal_mode=WAL");
    this.#db.run("PRAGMA synchronous=FULL");
    this.#db.run(`PRAGMA user_version=${FORMAT}`);
    this.#db.run(
      "CREATE TABLE IF NOT EXISTS snapshots (id TEXT PRIMARY KEY, idx INTEGER NOT NULL, complete INTEGER NOT NULL, meta BLOB)",
    );
    this.#db.run(
      "CREATE TABLE IF NOT EXISTS pieces (id TEXT NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (id, at))",
    );
  }

  /** What a crash cut off is of no use to anybody. */
  removeUnfinished(): void {
    const rows = this.#db.query<{ id: string }, []>("SELECT id FROM snapshots WHERE complete = 0").all();
    for (const { id } of rows) this.remove(id);
  }

  /** Complete ones, oldest first; a record that cannot be read is left out and named. */
  list(): { readonly snapshots: readonly SnapshotMeta[]; readonly unreadable: readonly string[] } {
    const rows = this.#db
      .query<{ id: string; meta: Uint8Array }, []>("SELECT id, meta FROM snapshots WHERE complete = 1 ORDER BY idx, id")
      .all();
    const snapshots: SnapshotMeta[] = [];
    const unreadable: string[] = [];
    for (const { id, meta } of rows) {
      try {
        snapshots.push(readSnapshotMeta(new ByteReader(meta)));
      } catch {
        // Its neighbours may be whole: the caller is told which one is not.
        unreadable.push(id);
      }
    }
    return { snapshots, unreadable };
  }

  /** Starts or restarts an unfinished one. */
  begin(id: string, index: number): void {
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM pieces WHERE id = ?", [id]);
      this.#db.run("INSERT OR REPLACE INTO snapshots (id, idx, complete) VALUES (?, ?, 0)", [id, index]);
    })();
  }

  /** Appends one part of the encoded state. The bytes stored so far. */
  writePart(id: string, at: number, part: Uint8Array): number {
    const piece = encodePart(ZSTD, part);
    this.writePiece(id, at, piece);
    return at + piece.length;
  }

  /** Appends stored bytes as they are. */
  writePiece(id: string, at: number, piece: Uint8Array): void {
    this.#db.run("INSERT OR REPLACE INTO pieces (id, at, bytes) VALUES (?, ?, ?)", [id, at, piece]);
  }

  /** Reads everything back, then marks it complete and drops what is older than needed. */
  complete(id: string, draft: Draft, pinned: readonly string[]): SnapshotMeta {
    const { size, sha256 } = this.#digest(id);
    const meta: SnapshotMeta = { ...draft, id, sizeBytes: size, sha256 };
    this.#decodeAll(id, () => undefined);
    this.#markComplete(meta, pinned);
    return meta;
  }

  /** The received bytes are all there: the leader's checksum decides. @throws DamagedSnapshot: and forgets them */
  completeReceived(meta: SnapshotMeta, pinned: readonly string[]): void {
    const { size, sha256 } = this.#digest(meta.id);
    if (size !== meta.sizeBytes || sha256 !== meta.sha256) {
      this.remove(meta.id);
      throw new DamagedSnapshot(`snapshot ${meta.id} arrived damaged`);
    }
    this.#markComplete({ ...meta, origin: "received" }, pinned);
  }

  /** Bytes stored of an unfinished transfer; 0: none. */
  receivedBytes(id: string): number {
    const row = this.#db
      .query<{ size: number | null }, [string]>("SELECT SUM(LENGTH(bytes)) AS size FROM pieces WHERE id = ?")
      .get(id);
    return row?.size ?? 0;
  }

  read(id: string, offset: number, sizeMax: number): Uint8Array {
    const rows = this.#db.query<{ at: number; bytes: Uint8Array }, [string, number]>(
      "SELECT at, bytes FROM pieces WHERE id = ?1 AND at >= (SELECT MAX(at) FROM pieces WHERE id = ?1 AND at <= ?2) ORDER BY at",
    );
    const parts: Uint8Array[] = [];
    let size = 0;
    for (const { at, bytes } of rows.iterate(id, offset)) {
      const piece = at < offset ? bytes.subarray(offset - at) : bytes;
      const wanted = piece.subarray(0, sizeMax - size);
      parts.push(wanted);
      size += wanted.length;
      if (size >= sizeMax) break;
    }
    return Buffer.concat(parts);
  }

  /** Decoded parts in order, after the checksum over all stored bytes was found right. @throws DamagedSnapshot */
  load(meta: SnapshotMeta, part: (bytes: Uint8Array) => void): void {
    const { size, sha256 } = this.#digest(meta.id);
    if (size !== meta.sizeBytes || sha256 !== meta.sha256) throw new DamagedSnapshot(`snapshot ${meta.id} is damaged`);
    this.#decodeAll(meta.id, part);
  }

  remove(id: string): void {
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM pieces WHERE id = ?", [id]);
      this.#db.run("DELETE FROM snapshots WHERE id = ?", [id]);
    })();
  }

  close(): void {
    this.#db.close(true);
  }

  #markComplete(meta: SnapshotMeta, pinned: readonly string[]): void {
    const out = new ByteWriter();
    writeSnapshotMeta(out, meta);
    this.#db.transaction(() => {
      this.#db.run("INSERT OR REPLACE INTO snapshots (id, idx, complete, meta) VALUES (?, ?, 1, ?)", [
        meta.id,
        meta.index,
        out.finish(),
      ]);
    })();
    const { snapshots } = this.list();
    const kept = new Set([...snapshots.slice(-KEPT).map(({ id }) => id), ...pinned]);
    for (const { id } of snapshots) if (!kept.has(id)) this.remove(id);
  }

  #digest(id: string): { readonly size: number; readonly sha256: string } {
    const hash = new Bun.CryptoHasher("sha256");
    let size = 0;
    for (const { at, bytes } of this.#pieces(id)) {
      if (at !== size) throw new DamagedSnapshot(`snapshot ${id} lacks bytes at ${size}`);
      hash.update(bytes);
      size += bytes.length;
    }
    return { size, sha256: hash.digest("hex") };
  }

  #decodeAll(id: string, part: (bytes: Uint8Array) => void): void {
    const decoder = new PartDecoder();
    try {
      for (const { bytes } of this.#pieces(id)) for (const decoded of decoder.push(bytes)) part(decoded);
      decoder.end();
    } catch (cause) {
      throw new DamagedSnapshot(`snapshot ${id} cannot be decoded`, { cause });
    }
  }

  #pieces(id: string): IterableIterator<{ at: number; bytes: Uint8Array }> {
    return this.#db
      .query<{ at: number; bytes: Uint8Array }, [string]>("SELECT at, bytes FROM pieces WHERE id = ? ORDER BY at")
      .iterate(id);
  }
}

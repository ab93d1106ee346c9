import { assert, err, ok, type ByteReader, type ByteWriter, type Result } from "../base/index.ts";
import type { SnapshotDraft, SnapshotStore, SnapshotWriter, StorageFailure } from "../node/index.ts";
import { readSnapshotMeta, writeSnapshotMeta, type SnapshotMeta } from "../raft/index.ts";
import { DiskClient } from "./disk-client.ts";
import { sizeOf } from "./failures.ts";
import { storePaths, type DataFolders, type StorePaths } from "./files.ts";
import { openedBody, toFailure } from "./log-store.ts";
import type { OpenFailure } from "./open-failure.ts";
import { OPS, type Reply } from "./wire.ts";

/** Complete snapshots kept besides pinned ones: the newest, and one to fall back to. */
export const SNAPSHOTS_KEPT = 2;

/**
 * Parts that are asked for ahead of the one at hand: the Worker reads and decompresses while this thread uses what it has. It does
 * so for a stored piece at a time, which holds several parts.
 */
const LOAD_AHEAD = 8;

/** The lock of the folders is held by the log store. */
export interface SnapshotStoreOptions extends DataFolders {
  readonly onUntrusted?: (failure: StorageFailure) => void;
}

export type SnapshotStoreOpened =
  | { readonly kind: "opened"; readonly store: SqliteSnapshotStore; readonly notes: readonly string[] }
  | OpenFailure;

type Damaged = { readonly kind: "damaged" };

/** Opens the snapshots of a data folder in a Worker of their own. Never rejects. */
export async function openSnapshotStore(options: SnapshotStoreOptions): Promise<SnapshotStoreOpened> {
  const client = new DiskClient((failure) => options.onUntrusted?.(failure));
  const paths = storePaths(options);
  return new Promise((resolve) => {
    client.request(
      OPS.openSnapshots,
      (writer) => writer.text(paths.dataDir).text(paths.folder),
      (reply) => {
        const opened = openedBody(reply);
        if (opened.kind === "opened") {
          const { body } = opened;
          const notes = Array.from({ length: body.u32() }, () => body.text());
          return resolve({ kind: "opened", store: new SqliteSnapshotStore(client, body, paths), notes });
        }
        client.end();
        resolve(opened);
      },
    );
  });
}

/** The main thread's face of the snapshots: knows what is complete, pinned and half received. */
export class SqliteSnapshotStore implements SnapshotStore {
  readonly #client: DiskClient;
  readonly #path: string;
  readonly #pins = new Map<string, number>();
  #complete: readonly SnapshotMeta[];
  #receiving: { readonly meta: SnapshotMeta; readonly stored: number } | undefined;
  #nextNumber = 1;

  constructor(client: DiskClient, body: ByteReader, paths: StorePaths) {
    this.#client = client;
    this.#path = paths.snapshots;
    this.#complete = Array.from({ length: body.u32() }, () => readSnapshotMeta(body));
    if (body.u8() === 1) this.#receiving = { meta: readSnapshotMeta(body), stored: body.u53() };
  }

  list(): readonly SnapshotMeta[] {
    return this.#complete;
  }

  create(): SnapshotWriter {
    const number = this.#nextNumber++;
    return {
      write: (part, ready) => {
        const write = (writer: ByteWriter): unknown => writer.u32(number).bytes(part);
        this.#client.request(OPS.write, write, (reply) => ready(reply.kind === "ok" ? undefined : toFailure(reply)));
      },
      complete: (draft, done) => this.#finish(number, draft, done),
      abort: () => this.#client.request(OPS.abort, (writer) => writer.u32(number), ignore),
    };
  }

  openStored(id: string): ReturnType<SnapshotStore["openStored"]> {
    const meta = this.#find(id);
    assert(meta !== undefined, `Snapshot ${id} must be in the list to be opened`);
    const unpin = this.#pin(id);
    return {
      meta,
      read: (offset, sizeMax, done) => {
        const write = (writer: ByteWriter): unknown => writer.text(id).u53(offset).u53(sizeMax);
        this.#client.request(OPS.readStored, write, (reply) => {
          done(reply.kind === "ok" ? ok(reply.body.bytes()) : err(this.#failure(id, reply)));
        });
      },
      close: unpin,
    };
  }

  received(meta: SnapshotMeta): number {
    const known = this.#find(meta.id);
    if (known !== undefined && known.sha256 === meta.sha256) return known.sizeBytes;
    const receiving = this.#receiving;
    if (receiving === undefined || receiving.meta.id !== meta.id) return 0;
    return receiving.meta.sha256 === meta.sha256 ? receiving.stored : 0;
  }

  receive(...[meta, chunk, done]: Parameters<SnapshotStore["receive"]>): void {
    const write = (writer: ByteWriter): void => {
      writeSnapshotMeta(writer, meta);
      writer.u53(chunk.offset).u8(Number(chunk.isLast)).bytes(chunk.bytes);
    };
    this.#client.request(OPS.receive, write, (reply) => {
      if (reply.kind === "failed") {
        this.#receiving = undefined;
        return done(err(reply.failure.kind === "damaged" ? { kind: "damaged" } : toFailure(reply)));
      }
      const nextOffset = reply.body.u53();
      const isComplete = reply.body.u8() === 1;
      this.#receiving = isComplete ? undefined : { meta, stored: nextOffset };
      if (isComplete) this.#add({ ...meta, origin: "received" });
      done(ok({ nextOffset, isComplete }));
    });
  }

  load(
    id: string,
    part: (bytes: Uint8Array) => void,
    done: (result: Result<undefined, StorageFailure | Damaged>) => void,
  ): void {
    const number = this.#nextNumber++;
    const unpin = this.#pin(id);
    let isOver = false;
    const giveUp = (): void => {
      isOver = true;
      unpin();
    };
    const end = (result: Result<undefined, StorageFailure | Damaged>): void => {
      giveUp();
      done(result);
    };
    const ask = (): void => this.#client.request(OPS.loadNext, (writer) => writer.u32(number), onPart);
    const onStarted = (reply: Reply): void => {
      if (reply.kind === "failed") return end(err(this.#failure(id, reply)));
      for (let i = 0; i < LOAD_AHEAD; i++) ask();
    };
    const onPart = (reply: Reply): void => {
      // Those that were asked for ahead come behind the end.
      if (isOver) return;
      if (reply.kind === "failed") return end(err(this.#failure(id, reply)));
      if (reply.body.u8() === 0) return end(ok(undefined));
      ask();
      try {
        part(reply.body.bytes());
      } catch (cause) {
        // Parts are on their way already: none may reach somebody who failed at the one before.
        giveUp();
        throw cause;
      }
    };
    this.#client.request(OPS.loadStart, (writer) => writer.u32(number).text(id), onStarted);
  }

  /** Whether all stored bytes are the ones that were written. A damaged one leaves the list. */
  verify(id: string, done: (isWhole: boolean) => void): void {
    this.load(
      id,
      () => undefined,
      (result) => done(result.ok),
    );
  }

  sizeBytes(): number {
    return sizeOf(this.#path) + sizeOf(`${this.#path}-wal`);
  }

  close(done: () => void): void {
    this.#client.request(
      OPS.closeSnapshots,
      () => undefined,
      () => {
        this.#client.end();
        done();
      },
    );
  }

  #finish(number: number, draft: SnapshotDraft, done: (result: Result<SnapshotMeta, StorageFailure>) => void): void {
    const write = (writer: ByteWriter): void => {
      writer.u32(number);
      writeSnapshotMeta(writer, { ...draft, sizeBytes: 0, sha256: "" });
    };
    this.#client.request(OPS.complete, write, (reply) => {
      if (reply.kind === "failed") return done(err(toFailure(reply)));
      const meta = readSnapshotMeta(reply.body);
      this.#add(meta);
      done(ok(meta));
    });
  }

  #find(id: string): SnapshotMeta | undefined {
    return this.#complete.find((meta) => meta.id === id);
  }

  #add(meta: SnapshotMeta): void {
    const others = this.#complete.filter(({ id }) => id !== meta.id);
    this.#complete = [...others, meta].toSorted((a, b) => a.index - b.index);
    this.#retain();
  }

  #retain(): void {
    const dropped = this.#complete.slice(0, -SNAPSHOTS_KEPT).filter(({ id }) => !this.#pins.has(id));
    if (dropped.length === 0) return;
    this.#complete = this.#complete.filter((meta) => !dropped.includes(meta));
    for (const { id } of dropped) this.#client.request(OPS.drop, (writer) => writer.text(id), ignore);
  }

  #pin(id: string): () => void {
    this.#pins.set(id, (this.#pins.get(id) ?? 0) + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#pins.get(id) ?? 1) - 1;
      if (left > 0) this.#pins.set(id, left);
      else this.#pins.delete(id);
      this.#retain();
    };
  }

  #failure(id: string, reply: Extract<Reply, { kind: "failed" }>): StorageFailure | Damaged {
    if (reply.failure.kind !== "damaged") return toFailure(reply);
    this.#complete = this.#complete.filter((meta) => meta.id !== id);
    return { kind: "damaged" };
  }
}

function ignore(): void {
  // What was to go is gone at the next start at the latest.
}

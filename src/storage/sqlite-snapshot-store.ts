import { assert, err, ok, type Result } from "../base/index.ts";
import type { SnapshotDraft, SnapshotStore, SnapshotWriter, StorageFailure } from "../node/index.ts";
import type { SnapshotMeta } from "../raft/index.ts";
import { DiskWorker, type WorkerResult } from "./disk-worker-client.ts";
import { toStorageFailure } from "./sqlite-log-store.ts";
import type { OpenFailure, WorkerFailure } from "./worker-messages.ts";

export interface SnapshotStoreOptions {
  readonly folder: string;
  readonly onAlarm: (failure: StorageFailure) => void;
  /** A snapshot that cannot be read, named. */
  readonly note: (message: string) => void;
}

/** Opens the snapshots in `folder`, which the log store has locked. */
export function openSnapshotStore(
  options: SnapshotStoreOptions,
  done: (result: Result<SnapshotStore, OpenFailure>) => void,
): void {
  const worker = new DiskWorker(options.onAlarm);
  worker.ask({ op: "open-snapshots", folder: options.folder }, (result) => {
    if (result.ok && result.value.kind === "snapshots") {
      for (const id of result.value.unreadable) options.note(`Snapshot ${id} cannot be read and is left aside`);
      return done(ok(new SqliteSnapshotStore(worker, result.value.snapshots)));
    }
    const message = result.ok ? "the disk Worker gave no list" : result.failure.message;
    worker.close(() => done(err({ kind: "untrusted", message })));
  });
}

type Damaged = { readonly kind: "damaged" };

class SqliteSnapshotStore implements SnapshotStore {
  readonly #worker: DiskWorker;
  readonly #pins = new Map<string, number>();
  readonly #received = new Map<string, number>();
  #list: readonly SnapshotMeta[];

  constructor(worker: DiskWorker, list: readonly SnapshotMeta[]) {
    this.#worker = worker;
    this.#list = list;
  }

  list(): readonly SnapshotMeta[] {
    return this.#list;
  }

  create(): SnapshotWriter {
    const id = crypto.randomUUID();
    let at = 0;
    this.#worker.ask({ op: "begin", id, index: 0 }, () => undefined);
    return {
      write: (part, ready) => {
        this.#worker.ask({ op: "write-part", id, at, part }, (result) => {
          if (result.ok && result.value.kind === "offset") at = result.value.offset;
          ready(result.ok ? undefined : toStorageFailure(result.failure));
        });
      },
      complete: (draft, done) => this.#complete(id, draft, done),
      abort: () => this.#worker.ask({ op: "remove", id }, () => undefined),
    };
  }

  openStored(id: string): ReturnType<SnapshotStore["openStored"]> {
    const meta = this.#list.find((one) => one.id === id);
    assert(meta !== undefined, `Snapshot ${id} is in the list`);
    this.#pins.set(id, (this.#pins.get(id) ?? 0) + 1);
    return {
      meta,
      read: (offset, sizeMax, done) => {
        this.#worker.ask({ op: "read-snapshot", id, offset, sizeMax }, (result) => {
          if (!result.ok) return done(err(toFailure(result.failure)));
          assert(result.value.kind === "bytes", "A read of a snapshot gives bytes");
          done(ok(result.value.bytes));
        });
      },
      close: () => {
        const left = (this.#pins.get(id) ?? 1) - 1;
        if (left > 0) this.#pins.set(id, left);
        else this.#pins.delete(id);
      },
    };
  }

  received(meta: SnapshotMeta): number {
    return this.#received.get(meta.id) ?? 0;
  }

  receive(...[meta, chunk, done]: Parameters<SnapshotStore["receive"]>): void {
    const pinned = [...this.#pins.keys()];
    this.#worker.ask({ op: "receive", meta, ...chunk, pinned }, (result) => {
      if (!result.ok) {
        this.#received.delete(meta.id);
        return done(err(toFailure(result.failure)));
      }
      assert(result.value.kind === "offset", "A received chunk gives the next offset");
      const { offset, isComplete, list } = result.value;
      if (isComplete) {
        this.#received.delete(meta.id);
        this.#list = list;
      } else this.#received.set(meta.id, offset);
      done(ok({ nextOffset: offset, isComplete }));
    });
  }

  load(
    id: string,
    part: (bytes: Uint8Array) => void,
    done: (result: Result<undefined, StorageFailure | Damaged>) => void,
  ): void {
    const meta = this.#list.find((one) => one.id === id);
    if (meta === undefined) return done(err({ kind: "damaged" }));
    this.#worker.ask(
      { op: "load", meta },
      (result) => done(result.ok ? ok(undefined) : err(toFailure(result.failure))),
      part,
    );
  }

  sizeBytes(): number {
    return this.#list.reduce((size, meta) => size + meta.sizeBytes, 0);
  }

  close(done: () => void): void {
    this.#worker.close(done);
  }

  #complete(id: string, draft: SnapshotDraft, done: (result: Result<SnapshotMeta, StorageFailure>) => void): void {
    const pinned = [...this.#pins.keys()];
    this.#worker.ask({ op: "complete", id, draft, pinned }, (result: WorkerResult) => {
      if (!result.ok) return done(err(toStorageFailure(result.failure)));
      assert(result.value.kind === "meta", "A completed snapshot gives its metadata");
      this.#list = result.value.list;
      done(ok(result.value.meta));
    });
  }
}

function toFailure(failure: WorkerFailure): StorageFailure | Damaged {
  return failure.kind === "damaged" ? { kind: "damaged" } : toStorageFailure(failure);
}

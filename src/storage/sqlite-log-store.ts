import { assert, err, ok, type Result } from "../base/index.ts";
import type { LogStore, PersistReceipt, StorageFailure, StoredState } from "../node/index.ts";
import { entrySize, type Persist } from "../raft/index.ts";
import { DiskWorker, type WorkerResult } from "./disk-worker-client.ts";
import type { OpenFailure, WorkerFailure } from "./worker-messages.ts";

export interface LogStoreOptions {
  readonly folder: string;
  /** Free bytes below which writes are refused as `full`; 0: none. */
  readonly reserveBytes: number;
  /** `NORMAL` loses acknowledged writes at a power cut: for tests that show just that. */
  readonly synchronous?: "FULL" | "NORMAL";
  /** The disk broke a promise outside of any request. */
  readonly onAlarm: (failure: StorageFailure) => void;
}

/** Opens log, hard state and identity in `folder`, after every check of the folder. */
export function openLogStore(options: LogStoreOptions, done: (result: Result<LogStore, OpenFailure>) => void): void {
  const worker = new DiskWorker(options.onAlarm);
  const { folder, reserveBytes, synchronous = "FULL" } = options;
  worker.ask({ op: "open-log", folder, synchronous, reserveBytes }, (result) => {
    if (result.ok && result.value.kind === "stored") return done(ok(new SqliteLogStore(worker, result.value.stored)));
    const failure = result.ok
      ? { kind: "untrusted" as const, message: "the disk Worker gave no state" }
      : result.failure;
    worker.close(() => done(err(toOpenFailure(failure))));
  });
}

function toOpenFailure(failure: WorkerFailure): OpenFailure {
  return failure.kind === "damaged" ? { kind: "untrusted", message: failure.message } : failure;
}

/** Anything but a full disk, after the folder was opened, is a broken promise. */
export function toStorageFailure(failure: WorkerFailure): StorageFailure {
  return failure.kind === "full" ? failure : { kind: "untrusted", message: failure.message };
}

class SqliteLogStore implements LogStore {
  readonly initial: StoredState;
  readonly #worker: DiskWorker;
  #sizeBytes: number;

  constructor(worker: DiskWorker, initial: StoredState) {
    this.#worker = worker;
    this.initial = initial;
    this.#sizeBytes = initial.entries.reduce((size, entry) => size + entrySize(entry), 0);
  }

  persist(
    operations: readonly Persist[],
    commitHint: number,
    done: (result: Result<PersistReceipt, StorageFailure>) => void,
  ): void {
    this.#worker.ask({ op: "persist", operations, commitHint }, (result) => {
      const receipt = toReceipt(result);
      if (receipt.ok) this.#grow(operations);
      done(receipt);
    });
  }

  read(
    range: { readonly from: number; readonly to: number; readonly bytesMax: number },
    done: Parameters<LogStore["read"]>[1],
  ): void {
    this.#worker.ask({ op: "read-log", ...range }, (result) => {
      if (!result.ok) return done(err(toStorageFailure(result.failure)));
      assert(result.value.kind === "entries", "A read of the log gives entries");
      done(ok(result.value.entries));
    });
  }

  bootstrap(...[identity, first, done]: Parameters<LogStore["bootstrap"]>): void {
    this.#worker.ask({ op: "bootstrap", identity, ...first }, (result) => done(toReceipt(result)));
  }

  sizeBytes(): number {
    return this.#sizeBytes;
  }

  close(done: () => void): void {
    this.#worker.close(done);
  }

  /** An estimate for metrics: what is compacted is subtracted as its share of the entries. */
  #grow(operations: readonly Persist[]): void {
    for (const { append, reset } of operations) {
      if (reset !== undefined) this.#sizeBytes = 0;
      for (const entry of append ?? []) this.#sizeBytes += entrySize(entry);
    }
  }
}

function toReceipt(result: WorkerResult): Result<PersistReceipt, StorageFailure> {
  if (!result.ok) return err(toStorageFailure(result.failure));
  assert(result.value.kind === "seq", "A transaction gives its number");
  return ok({ seq: result.value.seq, durationMs: result.value.durationMs });
}

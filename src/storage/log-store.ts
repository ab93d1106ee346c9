import {
  assert,
  err,
  ok,
  type BootId,
  type ByteReader,
  type ByteWriter,
  type LogIndex,
  type Result,
} from "../base/index.ts";
import type { DamagedEntry, Identity, LogStore, PersistReceipt, StorageFailure, StoredState } from "../node/index.ts";
import { lastRecovered, type Entry, type HardState, type Persist } from "../raft/index.ts";
import { DiskClient } from "./disk-client.ts";
import { EnvironmentFailure, sizeOf } from "./failures.ts";
import { storePaths, type DataFolders, type StorePaths } from "./files.ts";
import { readIdentity, writeIdentity, writeLogStart, type LogStart } from "./head-record.ts";
import { readEntries, writeOperations } from "./persist-codec.ts";
import { readRecovered } from "./recovered-codec.ts";
import { readOpenFailure, toOpenFailure, type OpenFailure } from "./open-failure.ts";
import { OPS, type Reply } from "./wire.ts";

const TAIL_BYTES = 8 * 1024 * 1024;

export interface LogStoreOptions extends DataFolders {
  /** This process start; goes into the head record. */
  readonly boot: BootId;
  /** Entries are refused as `full` while less than this is free in the folder; 0: no reserve. */
  readonly reserveBytes?: number;
  /** `NORMAL` loses acknowledged writes at a power cut: for tests that show just that. */
  readonly synchronous?: "FULL" | "NORMAL";
  /** Only on an operator's word: the newest transactions may be lost without notice. */
  readonly acceptLoss?: boolean;
  /** Of the newest entries about so many bytes are handed over whole at the opening; 8 MiB. */
  readonly tailBytesMax?: number;
  /** Ends of whole snapshots, newest first: damaged entries that they contain are removed instead of refused. */
  readonly snapshots?: readonly LogStart[];
  /** The disk failed, or its files were replaced, without anybody asking. */
  readonly onUntrusted?: (failure: StorageFailure) => void;
}

export type LogStoreOpened =
  /** `notes`: what was found and put right, for the operator. */
  { readonly kind: "opened"; readonly store: LogStore; readonly notes: readonly string[] } | OpenFailure;

/** Opens log, hard state and identity of a data folder, in a Worker, after every check of the folder. Never rejects. */
export async function openLogStore(options: LogStoreOptions): Promise<LogStoreOpened> {
  const client = new DiskClient((failure) => options.onUntrusted?.(failure));
  const paths = storePaths(options);
  const write = (writer: ByteWriter): void => {
    const snapshots = options.snapshots ?? [];
    writer
      .text(paths.dataDir)
      .text(paths.folder)
      .text(options.boot)
      .u53(options.reserveBytes ?? 0);
    writer.u8(Number(options.acceptLoss ?? false)).u8(Number(options.synchronous === "NORMAL"));
    writer.u53(options.tailBytesMax ?? TAIL_BYTES);
    writer.u32(snapshots.length);
    for (const snapshot of snapshots) writeLogStart(writer, snapshot);
  };
  return new Promise((resolve) => {
    client.request(OPS.openLog, write, (reply) => {
      const opened = openedBody(reply);
      if (opened.kind === "opened") {
        const { stored, notes } = readOpened(opened.body);
        const store = new SqliteLogStore(client, stored, paths);
        return resolve({ kind: "opened", store, notes });
      }
      client.end();
      resolve(opened);
    });
  });
}

/** The rest of a reply to an opening, or why there was none. */
export function openedBody(reply: Reply): OpenFailure | { readonly kind: "opened"; readonly body: ByteReader } {
  if (reply.kind === "ok") {
    return reply.body.u8() === 1 ? { kind: "opened", body: reply.body } : readOpenFailure(reply.body);
  }
  const { kind, message } = reply.failure;
  return toOpenFailure(kind === "damaged" ? "untrusted" : kind, message);
}

function readOpened(body: ByteReader): { readonly stored: StoredState; readonly notes: readonly string[] } {
  const seq = body.u53();
  const term = body.u53();
  const vote = body.text();
  const commitHint = body.u53();
  const identity = readIdentity(body);
  const notes = Array.from({ length: body.u32() }, () => body.text());
  const hard = { term, vote: vote === "" ? undefined : vote };
  return { stored: { identity, hard, seq, commitHint, ...readRecovered(body) }, notes };
}

function withoutLog({ identity, hard, seq, commitHint, base }: StoredState): StoredState {
  return { identity, hard, seq, commitHint, base, entries: [] };
}

/** The main thread's face of the log. */
class SqliteLogStore implements LogStore {
  #initial: StoredState;
  readonly #client: DiskClient;
  readonly #paths: StorePaths;
  #isPersisting = false;
  #isBootstrapped: boolean;

  constructor(client: DiskClient, initial: StoredState, paths: StorePaths) {
    this.#client = client;
    this.#initial = initial;
    this.#isBootstrapped = initial.identity !== undefined;
    this.#paths = paths;
  }

  get initial(): StoredState {
    return this.#initial;
  }

  persist(
    operations: readonly Persist[],
    commitHint: LogIndex,
    done: (result: Result<PersistReceipt, StorageFailure>) => void,
  ): void {
    this.#begin();
    this.#client.request(
      OPS.persist,
      (writer) => {
        writer.u53(commitHint);
        writeOperations(writer, operations);
      },
      (reply) => this.#end(reply, done),
    );
  }

  read(
    range: { readonly from: LogIndex; readonly to: LogIndex; readonly bytesMax: number },
    done: (result: Result<readonly Entry[], StorageFailure | DamagedEntry>) => void,
  ): void {
    this.#client.request(
      OPS.read,
      (writer) => writer.u53(clamp(range.from)).u53(clamp(range.to)).u53(clamp(range.bytesMax)),
      (reply) => {
        if (reply.kind === "ok") return done(ok(readEntries(reply.body)));
        const { kind, message } = reply.failure;
        done(err(kind === "damaged" ? { kind, message } : toFailure(reply)));
      },
    );
  }

  bootstrap(
    identity: Identity,
    first: { readonly hard: HardState; readonly entries: readonly Entry[] },
    done: (result: Result<PersistReceipt, StorageFailure>) => void,
  ): void {
    if (this.#isBootstrapped) {
      const message = "Cannot bootstrap this store as it belongs to a member already";
      setImmediate(() => done(err({ kind: "untrusted", message })));
      return;
    }
    this.#isBootstrapped = true;
    this.#begin();
    this.#client.request(
      OPS.bootstrap,
      (writer) => {
        writeIdentity(writer, identity);
        writeOperations(writer, [{ ticket: 0, hard: first.hard, append: first.entries }]);
      },
      (reply) => {
        if (reply.kind === "failed") this.#isBootstrapped = false;
        this.#end(reply, done);
      },
    );
  }

  sizeBytes(): number {
    return sizeOf(this.#paths.database) + sizeOf(this.#paths.wal);
  }

  close(done: () => void): void {
    this.#client.request(
      OPS.closeLog,
      () => undefined,
      () => {
        this.#client.end();
        done();
      },
    );
  }

  #begin(): void {
    assert(!this.#isPersisting, "One transaction may be in flight at a time");
    this.#isPersisting = true;
    if (lastRecovered(this.#initial) > this.#initial.base.index) this.#initial = withoutLog(this.#initial);
  }

  #end(reply: Reply, done: (result: Result<PersistReceipt, StorageFailure>) => void): void {
    this.#isPersisting = false;
    if (reply.kind === "failed") return done(err(toFailure(reply)));
    const seq = reply.body.u53();
    done(ok({ seq, durationMs: reply.body.u53() / 1000 }));
  }
}

/** `Infinity` means "no bound". */
function clamp(value: number): number {
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

/** @throws EnvironmentFailure, which ends the process: nothing is damaged, and a new start may work */
export function toFailure(reply: Extract<Reply, { kind: "failed" }>): StorageFailure {
  const { kind, message } = reply.failure;
  if (kind === "environment") throw new EnvironmentFailure(message);
  return { kind: kind === "damaged" ? "untrusted" : kind, message };
}

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storePaths, type StorePaths } from "../../src/storage/index.ts";
import { inspectLog, type Inspection } from "../../src/storage/log-inspection.ts";
import { openLogFiles, type OpenedLog } from "../../src/storage/log-opening.ts";
import { toOperation } from "../../src/storage/persist-codec.ts";
import { BOOT, bootstrapModel, IDENTITY, nextStep, type LogModel } from "./log-model.ts";

/** The three files of a log as bytes; undefined: missing. */
export interface LogFiles {
  readonly database: Uint8Array | undefined;
  readonly wal: Uint8Array | undefined;
  readonly witness: Uint8Array | undefined;
}

export const LOG_FILES = ["database", "wal", "witness"] as const;

export function makeDataDir(name: string): StorePaths {
  const paths = storePaths({ dataDir: mkdtempSync(join(tmpdir(), `konsul-${name}-`)) });
  mkdirSync(paths.folder, { recursive: true });
  return paths;
}

export function removeDataDir(paths: StorePaths): void {
  rmSync(paths.dataDir, { recursive: true, force: true });
}

export function readFiles(paths: StorePaths): LogFiles {
  const read = (path: string): Uint8Array | undefined => (existsSync(path) ? readFileSync(path) : undefined);
  return { database: read(paths.database), wal: read(paths.wal), witness: read(paths.witness) };
}

export function writeFiles(paths: StorePaths, files: LogFiles): void {
  for (const name of LOG_FILES) {
    const bytes = files[name];
    if (bytes === undefined) rmSync(paths[name], { force: true });
    else writeFileSync(paths[name], bytes);
  }
}

export function inspect(paths: StorePaths): Inspection {
  return inspectLog({ paths, snapshots: [], acceptLoss: false, tailBytesMax: Infinity });
}

/** A log driven synchronously in this process, with the model beside it. */
export class DrivenLog {
  readonly paths: StorePaths;
  readonly #seed: number;
  readonly #opened: OpenedLog;
  #model: LogModel;

  constructor(paths: StorePaths, seed: number) {
    this.paths = paths;
    this.#seed = seed;
    const options = { snapshots: [], acceptLoss: false, synchronous: "FULL", tailBytesMax: Infinity } as const;
    const opened = openLogFiles({ dataDir: paths.dataDir, boot: BOOT, ...options });
    if (opened.kind !== "opened") throw new Error(opened.kind);
    this.#opened = opened;
    const first = bootstrapModel();
    const operations = [toOperation({ ticket: 0, hard: first.hard, append: first.entries })];
    const head = opened.database.transact({ operations, commitHint: 0, boot: BOOT, identity: IDENTITY });
    opened.witness.write(head.seq, opened.database.headBytes);
    this.#model = first;
  }

  get model(): LogModel {
    return this.#model;
  }

  /** One transaction; the witness is written only when it is acknowledged. */
  step(isAcknowledged = true): void {
    const { operations, after } = nextStep(this.#model, this.#seed, this.#model.seq);
    const head = this.#opened.database.transact({ operations: operations.map(toOperation), commitHint: 0, boot: BOOT });
    if (isAcknowledged) this.#opened.witness.write(head.seq, this.#opened.database.headBytes);
    this.#model = after;
  }

  checkpoint(): void {
    this.#opened.database.checkpoint();
  }

  close(): void {
    this.#opened.database.close();
    this.#opened.witness.close();
    this.#opened.lock.release();
  }
}

import { err, ok, type BootId, type Result } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import type { LogStore, SnapshotStore, StorageFailure } from "../node/index.ts";
import {
  createMemoryLogStore,
  createMemorySnapshotStore,
  openStores as openSqliteStores,
  type OpenFailure,
} from "../storage/index.ts";

export interface Stores {
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  /** What was found and put right, for the operator. */
  readonly notes: readonly string[];
  /** The folder belonged to a cluster before, whatever its log says now: it never starts or joins another. */
  readonly isFormerMember: boolean;
}

export interface StoresOptions {
  readonly config: Config;
  readonly boot: BootId;
  /** Nothing on disk. */
  readonly isDev: boolean;
  readonly onUntrusted: (failure: StorageFailure) => void;
}

/** Opens everything that keeps data. The error is a sentence that says what to do. */
export async function openStores(options: StoresOptions): Promise<Result<Stores, string>> {
  const { config, boot, isDev, onUntrusted } = options;
  if (isDev)
    return ok({
      log: createMemoryLogStore(),
      snapshots: createMemorySnapshotStore(),
      notes: [],
      isFormerMember: false,
    });
  const { dataDir } = config;
  const opened = await openSqliteStores({ dataDir, boot, reserveBytes: config.limits.diskReserveBytes, onUntrusted });
  if (opened.kind !== "opened") return err(explain(dataDir, opened));
  return ok({ ...opened, isFormerMember: opened.formerMember !== undefined });
}

function explain(dataDir: string, failure: OpenFailure): string {
  switch (failure.kind) {
    case "locked":
      return `${failure.message}, or set another data_dir`;
    case "newer-format":
      return `Cannot use the data folder ${dataDir} as a newer release wrote it: ${failure.message}. Start that release again`;
    case "untrusted":
      return `Cannot trust the data in ${dataDir}: ${failure.message}. ${failure.advice}`;
    case "full":
      return `Cannot start as the disk of ${dataDir} is full: ${failure.message}. Free some space and start again`;
    case "environment":
      return `Cannot open the data folder ${dataDir}: ${failure.message}`;
    default:
      return `Cannot open the data folder ${dataDir}`;
  }
}

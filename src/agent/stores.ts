import { err, ok, type BootId, type Result } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import type { LogStore, SnapshotStore, StorageFailure } from "../node/index.ts";
import {
  createMemoryLogStore,
  createMemorySnapshotStore,
  openStores as openSqliteStores,
  type MembershipRecord,
  type OpenFailure,
} from "../storage/index.ts";

export interface Stores {
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  /** What was found and put right, for the operator. */
  readonly notes: readonly string[];
  /** The cluster this folder belonged to before, whatever its log says now: it never starts or joins another. */
  readonly formerMember: MembershipRecord | "damaged" | undefined;
}

export interface StoresOptions {
  readonly config: Config;
  readonly boot: BootId;
  /** Nothing on disk. */
  readonly isDev: boolean;
  readonly onUntrusted: (failure: StorageFailure) => void;
}

export interface StoresFailure {
  /** A sentence that says what to do. */
  readonly message: string;
  /** What was found, where a promise of this disk is broken. */
  readonly distrust: string | undefined;
}

/** Opens everything that keeps data. */
export async function openStores(options: StoresOptions): Promise<Result<Stores, StoresFailure>> {
  const { config, boot, isDev, onUntrusted } = options;
  if (isDev)
    return ok({
      log: createMemoryLogStore(),
      snapshots: createMemorySnapshotStore(),
      notes: [],
      formerMember: undefined,
    });
  const { dataDir, raft } = config;
  const folders = { dataDir, raftDir: raft.dataDir };
  const opened = await openSqliteStores({
    ...folders,
    boot,
    reserveBytes: config.limits.diskReserveBytes,
    onUntrusted,
  });
  if (opened.kind === "opened") return ok(opened);
  const distrust = opened.kind === "untrusted" ? opened.message : undefined;
  return err({ message: explain(dataDir, opened), distrust });
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

import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { err, type LogIndex, type Result } from "../base/index.ts";
import type { Identity, LogStore, SnapshotStore, StoredState } from "../node/index.ts";
import type { Entry } from "../raft/index.ts";
import { lockFolder, openStores, storePaths } from "../storage/index.ts";
import { mintBootId } from "./identity.ts";
import { randomHex } from "./random-hex.ts";
import { unfinished, type Unfinished } from "./unfinished.ts";

export interface FolderTrust {
  /** Uses what can be read of a folder that cannot be trusted: its newest writes may be missing. */
  readonly acceptLoss: boolean;
}

/** What a folder holds, as long as `use` runs. */
export interface FolderContents {
  readonly identity: Identity;
  readonly stored: StoredState;
  readonly snapshots: SnapshotStore;
  /** Hands out the entries `[from, to]` of the log, in order. What went wrong, as a sentence. */
  readonly eachEntry: (from: LogIndex, to: LogIndex, use: (entry: Entry) => void) => Promise<string | undefined>;
}

/** Of entries, read at once. */
const READ_BYTES = 4 * 1024 * 1024;

/** Opens a copy of a data folder of a stopped agent: the folder itself stays as it is, byte for byte. The error is a sentence. */
export async function withFolderCopy<T>(
  folder: string,
  trust: FolderTrust,
  use: (contents: FolderContents) => Promise<Result<T, string>>,
): Promise<Result<T, string>> {
  const paths = storePaths({ dataDir: folder });
  if (!existsSync(paths.folder)) return err(`${folder} is no data folder of Konsul: there is no ${paths.folder}`);
  // A folder in use changes while it is copied.
  const lock = existsSync(paths.lock) ? lockFolder(folder, paths.lock) : undefined;
  if (lock?.ok === false) return err(lock.error);
  let copied: Unfinished | undefined;
  try {
    const copy = join(dirname(folder), `.konsul-recover-${randomHex(8)}`);
    copied = unfinished(copy);
    mkdirSync(copy, { mode: 0o700 });
    // Where the log has a disk of its own, `raft` may be a link that the operator made.
    const to = storePaths({ dataDir: copy });
    await cp(paths.folder, to.folder, { recursive: true, dereference: true });
    if (existsSync(paths.member)) cpSync(paths.member, to.member);
    // The witness holds the mark, and what the newest transaction was.
    if (trust.acceptLoss) rmSync(to.witness, { force: true });
    return await read({ folder, copy, trust }, use);
  } catch (cause) {
    return err(`Cannot copy ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`);
  } finally {
    if (lock?.ok === true) lock.value.release();
    copied?.remove();
  }
}

async function read<T>(
  { folder, copy, trust }: { readonly folder: string; readonly copy: string; readonly trust: FolderTrust },
  use: (contents: FolderContents) => Promise<Result<T, string>>,
): Promise<Result<T, string>> {
  const { acceptLoss } = trust;
  const stores = await openStores({ dataDir: copy, boot: mintBootId(), reserveBytes: 0, acceptLoss });
  if (stores.kind !== "opened") {
    const hint =
      stores.kind === "untrusted" && !acceptLoss
        ? ". With --accept-loss what can be read is used all the same: its newest writes may be missing"
        : "";
    return err(`The data in ${folder} cannot be used: ${stores.message.replaceAll(copy, folder)}${hint}`);
  }
  const { log, snapshots } = stores;
  try {
    const stored = log.initial;
    if (stored.identity === undefined) return err(`${folder} belongs to no cluster: there is nothing in it to read`);
    const eachEntry = eachEntryOf.bind(undefined, log);
    return await use({ identity: stored.identity, stored, snapshots, eachEntry });
  } finally {
    await new Promise<void>((resolve) => log.close(resolve));
    await new Promise<void>((resolve) => snapshots.close(resolve));
  }
}

async function eachEntryOf(
  log: LogStore,
  from: LogIndex,
  to: LogIndex,
  use: (entry: Entry) => void,
): Promise<string | undefined> {
  for (let next = from; next <= to;) {
    const range = { from: next, to: to + 1, bytesMax: READ_BYTES };
    const part = await new Promise<Parameters<Parameters<LogStore["read"]>[1]>[0]>((resolve) => {
      log.read(range, resolve);
    });
    if (!part.ok) return part.error.message;
    if (part.value.length === 0) return `entry ${next} is missing`;
    for (const entry of part.value) use(entry);
    next += part.value.length;
  }
  return undefined;
}

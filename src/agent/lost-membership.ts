import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { err, ok, type Clock, type Result } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import {
  lastQuarantine,
  quarantine,
  readMembershipRecord,
  storePaths,
  UNTRUSTED_ADVICE,
  type DataFolders,
} from "../storage/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { readKnownPeers } from "./known-peers.ts";
import type { Stores, StoresFailure } from "./stores.ts";

const DISK_TRY_MS = 3_000;
const PROBE_BYTES = 64 * 1024;

/** A node that belonged to a cluster, and whose data is gone or cannot be trusted: it comes back only from the others. */
export interface LostMembership {
  readonly clusterId: string;
  readonly nodeId: string;
  /** What is wrong with the data. */
  readonly reason: string;
  /** The raft folder is still there, and is to be taken out of use. */
  readonly hasFolder: boolean;
  /** Where members may be found. */
  readonly addresses: readonly string[];
}

function foldersOf({ dataDir, raft }: Config): DataFolders {
  return { dataDir, raftDir: raft.dataDir };
}

/** The raft folder is in use, or was found bad by this process: opening it again would prove nothing. */
export function distrusted(dataDir: string, reason: string): StoresFailure {
  return { message: `Cannot trust the data in ${dataDir}: ${reason}. ${UNTRUSTED_ADVICE}`, distrust: reason };
}

/**
 * Undefined: the folder can be used, or was never used. The error is a sentence: nobody else has this data, or nobody
 * knows where they are, so that only the operator can decide.
 */
export function findLost(
  config: Config,
  opened: Result<Stores, StoresFailure>,
): Result<LostMembership | undefined, string> {
  const { dataDir, raft } = config;
  const swapped = opened.ok ? otherNodesLog(config, opened.value) : undefined;
  if (swapped !== undefined) return err(swapped);
  if (opened.ok && (opened.value.log.initial.identity !== undefined || opened.value.formerMember === undefined))
    return ok(undefined);
  if (!opened.ok && opened.error.distrust === undefined) return err(opened.error.message);
  const message = opened.ok ? logIsGone(config) : opened.error.message;
  const record = readMembershipRecord(storePaths({ dataDir }));
  const addresses = raft.isEnabled
    ? [...new Set([...raft.joinAddresses, ...readKnownPeers(dataDir)])].filter((one) => one !== raft.advertiseAddress)
    : [];
  if (record === undefined || record === "damaged" || addresses.length === 0) return err(message);
  const reason = (opened.ok ? undefined : opened.error.distrust) ?? "its log is gone";
  return ok({ clusterId: record.clusterId, nodeId: record.nodeId, reason, hasFolder: !opened.ok, addresses });
}

/** Log and snapshots may be in a folder of their own, which may be another node's. */
function otherNodesLog({ dataDir, raft }: Config, { log, formerMember }: Stores): string | undefined {
  const { identity } = log.initial;
  if (identity === undefined || formerMember === undefined || formerMember === "damaged") return undefined;
  if (identity.nodeId === formerMember.nodeId) return undefined;
  return (
    `The log in ${raft.dataDir} is that of the node ${identity.nodeId}, but the data folder ${dataDir} is that of the node ` +
    `${formerMember.nodeId}: set raft.data_dir to the folder that this node used before`
  );
}

function logIsGone({ dataDir, raft }: Config): string {
  return (
    `The data folder ${dataDir} belonged to a cluster, but its log is gone: this node never starts another cluster by ` +
    `itself. Put the log back into ${raft.dataDir}, restore a backup, or use a new folder to begin anew`
  );
}

/** A bad disk would have the whole state sent again and again: waits until the last time is long enough ago. */
export async function untilResyncIsDue(config: Config, clock: Clock, logger: Logger): Promise<void> {
  const { raft } = config;
  const last = lastQuarantine(foldersOf(config));
  const wait = last === undefined ? 0 : last + raft.resyncIntervalMs - clock.wall();
  if (wait <= 0) return;
  logger.error("This disk has broken its promises before: the node waits before it starts anew", {
    wait_seconds: Math.ceil(wait / 1000),
    advice: "replace the disk, or remove the raft.untrusted folders to have it done at once",
  });
  await new Promise<void>((resolve) => void clock.at(clock.now() + Math.min(wait, raft.resyncIntervalMs), resolve));
}

/** Nobody lets a node in whose disk still fails: it would be thrown out again, and each time the others pay. */
export async function untilDiskWorks({ raft }: Config, clock: Clock, logger: Logger): Promise<void> {
  // Log and snapshots are what a disk is needed for; their own folder may have to be moved aside.
  const folder = dirname(raft.dataDir);
  for (;;) {
    const problem = tryDisk(folder);
    if (problem === undefined) return;
    logger.error("The disk still fails: the node waits until it is replaced or repaired", {
      folder,
      problem,
    });
    await new Promise<void>((resolve) => void clock.at(clock.now() + DISK_TRY_MS, resolve));
  }
}

/** What goes wrong with a file that is made, synced and removed; undefined: nothing. */
function tryDisk(folder: string): string | undefined {
  const path = join(folder, "disk.probe");
  try {
    const fd = openSync(path, "w", 0o600);
    try {
      writeSync(fd, new Uint8Array(PROBE_BYTES).fill(1));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    rmSync(path);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** The members have let a new incarnation in: nobody counts on the old folder any more. It is kept under another name. */
export function takeOutOfUse(config: Config, clock: Clock, logger: Logger): void {
  const aside = quarantine(foldersOf(config), clock.wall());
  if (aside === undefined) return;
  logger.warn("The data that cannot be trusted was moved aside; remove it once this node is a voter again", { aside });
}

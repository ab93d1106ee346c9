import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultyCluster } from "./faulty-cluster.ts";

/** What is done to the folder of a node that is not running. */
export interface StoppedFault {
  readonly name: string;
  /** Before the load goes on and the node is killed, while it still runs. */
  readonly prepare?: (folder: string) => void;
  readonly damage: (folder: string) => void;
  /** The others recognise it by what the log says of this disk: wait until it does. */
  readonly isToldByLog?: boolean;
  /** It is no fault while nothing is in the WAL. */
  readonly needsWal?: boolean;
}

/** Behind the headers of the file and of its first frame: frames further on may be left over from before a checkpoint. */
const FIRST_FRAME_DATA = 32 + 24 + 100;

/** Both files of a database as one copy: the WAL is what makes it whole. */
const COPIED = ["raft.db", "raft.db-wal", "witness", "snapshots.db", "snapshots.db-wal"];

export const STOPPED_FAULTS: readonly StoppedFault[] = [
  {
    name: "a flipped bit in the WAL",
    damage: (folder) => flipAt(walIn(folder), FIRST_FRAME_DATA),
    needsWal: true,
  },
  {
    name: "a WAL cut within its first frame",
    damage: (folder) => truncateSync(walIn(folder), FIRST_FRAME_DATA),
    needsWal: true,
  },
  { name: "a deleted WAL", damage: (folder) => rmSync(walIn(folder)), needsWal: true },
  { name: "a deleted log", damage: (folder) => rmSync(join(folder, "raft"), { recursive: true }) },
  {
    name: "an older copy put back",
    prepare: (folder) => copy(folder, "raft", "older"),
    damage: (folder) => {
      rmSync(join(folder, "raft"), { recursive: true });
      copy(folder, "older", "raft");
      rmSync(join(folder, "older"), { recursive: true });
    },
    isToldByLog: true,
  },
];

function walIn(folder: string): string {
  return join(folder, "raft", "raft.db-wal");
}

/** A WAL that begins anew after a checkpoint has the salts of the new beginning, and frames of the last one until the first is written. */
function isWalEmpty(folder: string): boolean {
  const bytes = readFileSync(walIn(folder));
  return !bytes.subarray(16, 24).equals(bytes.subarray(32 + 8, 32 + 16));
}

function copy(folder: string, from: string, to: string): void {
  rmSync(join(folder, to), { recursive: true, force: true });
  for (const name of COPIED) {
    if (existsSync(join(folder, from, name))) cpSync(join(folder, from, name), join(folder, to, name));
  }
}

function flipAt(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  writeFileSync(path, bytes);
}

export interface Trial {
  readonly lost: readonly string[];
  readonly wrong: readonly string[];
  readonly healedMs: number;
  readonly log: string;
}

/** Without load only the entry that says what the disks have promised can follow the last write. */
async function untilLogTells({ load, urls }: FaultyCluster): Promise<void> {
  await load.stop();
  const written = await indexAfter(urls[0], "PUT");
  while ((await indexAfter(urls[0], "GET")) <= written) await Bun.sleep(20);
  load.start();
}

/** The index that a write has, or that a node has applied. */
async function indexAfter(url: string | undefined, method: "PUT" | "GET"): Promise<number> {
  for (;;) {
    const answer = await fetch(`${url}/kv/disk-fault`, method === "PUT" ? { method, body: "last" } : {});
    if (answer.ok) return Number(answer.headers.get("X-Konsul-Index"));
    await Bun.sleep(20);
  }
}

/** One fault on the node that leads, or on one that follows, under load. */
export async function tryStopped(
  cluster: FaultyCluster,
  fault: StoppedFault,
  role: "leader" | "follower",
): Promise<Trial> {
  const { load } = cluster;
  const leader = await cluster.leader();
  const at = role === "leader" ? leader : (leader + 1) % 3;
  load.start();
  await load.more(50);
  fault.prepare?.(cluster.folderOf(at));
  await load.more(50);
  if (fault.isToldByLog === true) await untilLogTells(cluster);
  await cluster.nodeAt(at).end("SIGKILL");
  while (fault.needsWal === true && isWalEmpty(cluster.folderOf(at))) {
    await cluster.start(at);
    await cluster.untilWhole();
    await load.more(20);
    await cluster.nodeAt(at).end("SIGKILL");
  }
  fault.damage(cluster.folderOf(at));
  await load.more(20);
  await cluster.start(at);
  const healedMs = await cluster.untilWhole();
  await load.more(20);
  await load.stop();
  const lost: string[] = [];
  for (const url of cluster.urls) lost.push(...(await load.missingAt(url)));
  return { lost, wrong: load.wrong, healedMs, log: cluster.nodeAt(at).log() };
}

import { closeSync, existsSync, openSync, readSync, statSync, writeSync } from "node:fs";
import type { Prng } from "../../../src/base/index.ts";
import type { AgentProcess } from "../agent-process.ts";
import type { FaultyCluster } from "./faulty-cluster.ts";

/** Files of a data folder besides the WAL of the log, which has tests of its own. */
export const FILES = [
  "raft/raft.db",
  "raft/witness",
  "raft/snapshots.db",
  "raft/snapshots.db-wal",
  "member.json",
  "known-peers.json",
] as const;

/**
 * `served`: as if nothing was; `repaired`: it served, and said what it had put right; `anew`: it had everything sent by the
 * others; `refused`: it ended and said why.
 */
export type Outcome = "served" | "repaired" | "anew" | "refused";

const REPAIRED = /WARN .*(?:damaged|cannot be read)/;
const ANEW = /it starts anew from the other members|put back to an older one/;
/** A line of a stack, and what the runtime prints of the source above it. */
const STACK = /^\s+at .*[:(]\d+|^\d+ \| /m;
/** What a node says last that does not start: one line, for people. */
const REFUSAL = /^konsul: \S.{20,}$/m;

export interface Trial {
  readonly outcome: Outcome;
  /** What must not be. */
  readonly problem: string | undefined;
  readonly refusal: string;
  readonly log: string;
}

export interface Flip {
  readonly path: string;
  readonly offset: number;
  readonly bit: number;
}

/** Any bit of a file; undefined: there is no such file now, or nothing in it. */
export function pickFlip(path: string, prng: Prng): Flip | undefined {
  const size = existsSync(path) ? statSync(path).size : 0;
  return size === 0 ? undefined : { path, offset: prng.between(0, size), bit: prng.between(0, 8) };
}

/** Done twice it is undone. */
export function flip({ path, offset, bit }: Flip): void {
  const fd = openSync(path, "r+");
  try {
    const byte = new Uint8Array(1);
    readSync(fd, byte, 0, 1, offset);
    byte[0] = (byte[0] ?? 0) ^ (1 << bit);
    writeSync(fd, byte, 0, 1, offset);
  } finally {
    closeSync(fd);
  }
}

/** Starts a stopped node with a bit flipped, in a cluster that lives on, until all is well again. */
export async function tryFlip(cluster: FaultyCluster, at: number, flipped: Flip): Promise<Trial> {
  flip(flipped);
  await cluster.start(at);
  const node = cluster.nodeAt(at);
  await Promise.race([cluster.untilWhole(), node.child.exited]);
  if (node.child.exitCode === null && node.child.signalCode === null) {
    const log = node.log();
    const outcome = ANEW.test(log) ? "anew" : REPAIRED.test(log) ? "repaired" : "served";
    return { outcome, problem: STACK.test(log) ? "it printed a stack" : undefined, refusal: "", log };
  }
  const refusal = await refusalOf(node);
  const log = node.log();
  // The operator finds the disk's mistake.
  flip(flipped);
  await cluster.start(at);
  await cluster.untilWhole();
  return { outcome: "refused", problem: REFUSAL.test(refusal) ? undefined : refusal, refusal, log };
}

/** The line in which a node that has ended says why; another sentence, where it says it in no such way. */
export async function refusalOf(node: Pick<AgentProcess, "child" | "log">): Promise<string> {
  const code = await node.child.exited;
  // The end of what it said arrives a moment after it.
  for (let tries = 0; tries < 100 && !REFUSAL.test(node.log()); tries += 1) await Bun.sleep(10);
  if (STACK.test(node.log())) return "it printed a stack";
  return code === 1 ? (REFUSAL.exec(node.log())?.[0] ?? "it ended without a word") : `it ended with ${code}`;
}

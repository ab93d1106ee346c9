import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SoakCluster } from "./cluster.ts";
import type { SoakNode } from "./soak-node.ts";

export interface Sample {
  readonly node: string;
  /** Of one life of the process. */
  readonly life: number;
  readonly atMs: number;
  readonly rssBytes: number;
  /** What the replicated state takes of it, as the node reckons. */
  readonly stateBytes: number;
  readonly openFds: number;
  readonly fileBytes: number;
  readonly entries: number;
  readonly term: number;
  readonly elections: number;
}

const SETTLE_MS = 1500;

/** What a node says of itself, and what lies in its folder; undefined: it does not answer. */
export async function takeSample(cluster: SoakCluster, node: SoakNode, atMs: number): Promise<Sample | undefined> {
  if (!node.isRunning) return undefined;
  await collect(node);
  // What a collection frees, the allocator gives back a moment later; what was in use just then is free by now.
  await Bun.sleep(SETTLE_MS);
  await collect(node);
  const signal = AbortSignal.timeout(2000);
  const answer = await fetch(`${node.url}/metrics`, { signal }).catch(() => undefined);
  const text = answer?.status === 200 ? await answer.text().catch(() => "") : "";
  const status = await cluster.status(node);
  if (text === "" || status === undefined) return undefined;
  const metric = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  return {
    node: node.options.id,
    life: metric("konsul_process_start_time_seconds"),
    atMs,
    rssBytes: metric("konsul_process_resident_memory_bytes"),
    stateBytes: metric("konsul_state_bytes"),
    openFds: metric("konsul_process_open_fds"),
    fileBytes: folderBytes(node.dataDir),
    entries: status.lastIndex - status.firstIndex + 1,
    term: status.term,
    elections: metric("konsul_raft_elections_total"),
  };
}

async function collect(node: SoakNode): Promise<void> {
  const signal = AbortSignal.timeout(2000);
  const collected = await fetch(`${node.url}/debug?collect`, { signal }).catch(() => undefined);
  await collected?.arrayBuffer().catch(() => undefined);
}

function folderBytes(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    try {
      if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name)).size;
    } catch {
      // It went between the two calls.
    }
  }
  return sum;
}

export interface Growth {
  readonly node: string;
  readonly what: "memory" | "file descriptors" | "files";
  readonly early: number;
  readonly late: number;
  /** The lowest of each minute. */
  readonly byMinute: readonly number[];
}

const MINUTE_MS = 60_000;

/** Connections and buffers come and go; what a process holds on to shows at its leanest. */
function lowest(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return Math.min(...samples.map(of));
}

/** Without the replicated state, which says itself how large it is and may grow. */
function memoryOf({ rssBytes, stateBytes }: Sample): number {
  return rssBytes - stateBytes;
}

/**
 * Of every process that lived nearly all the time: the sixth of the time after its first third, and the last sixth. In a
 * run of 30 minutes these are minutes 10 to 15 and 25 to 30.
 */
export function growthOf(samples: readonly Sample[], wholeMs: number): readonly Growth[] {
  const growth: Growth[] = [];
  for (const [, life] of Map.groupBy(samples, ({ node, life: started }) => `${node} ${started}`)) {
    const early = life.filter(({ atMs }) => atMs >= wholeMs / 3 && atMs < wholeMs / 2);
    const late = life.filter(({ atMs }) => atMs >= (wholeMs * 5) / 6);
    const [first] = life;
    // One that began a moment before the first window is still filling up.
    const isYoung = first === undefined || first.atMs > wholeMs / 6;
    if (isYoung || early.length === 0 || late.length === 0) continue;
    const minutes = Map.groupBy(life, ({ atMs }) => Math.floor(atMs / MINUTE_MS));
    const compare = (what: Growth["what"], of: (sample: Sample) => number): Growth => ({
      node: first.node,
      what,
      early: lowest(early, of),
      late: lowest(late, of),
      byMinute: [...minutes.values()].map((some) => lowest(some, of)),
    });
    growth.push(compare("memory", memoryOf));
    growth.push(compare("file descriptors", ({ openFds }) => openFds));
    growth.push(compare("files", ({ fileBytes }) => fileBytes));
  }
  return growth;
}

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { cleanUp, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const WRITES = 20;

/** strace must be there, and this user must be allowed to look into a process that it did not start under strace. */
function canTrace(): boolean {
  if (Bun.which("strace") === null) return false;
  if (process.getuid?.() === 0) return true;
  try {
    return readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8").trim() === "0";
  } catch {
    return true;
  }
}

interface Tracer {
  /** Ends the trace; what every thread of the process wrote and synced, in order. */
  stop(): Promise<readonly (readonly string[])[]>;
}

/** Follows what every thread of the node writes and syncs, with the file's name and the time. */
async function trace(node: AgentProcess, folder: string): Promise<Tracer> {
  mkdirSync(folder);
  const flags = ["-ff", "-ttt", "-T", "-y", "-s", "8192", "-e", "trace=pwrite64,fsync,fdatasync"];
  const child = Bun.spawn(["strace", ...flags, "-o", join(folder, "thread"), "-p", String(node.child.pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const decoder = new TextDecoder();
  const reader = child.stderr.getReader();
  while (!/attached/.test(said)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`strace ended: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
  return {
    stop: async () => {
      child.kill("SIGINT");
      await child.exited;
      return readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8").split("\n"));
    },
  };
}

/**
 * When the log's first sync that began after the bytes of `marker` were written to it was done, in ms of the wall
 * clock: strace takes the end before the process goes on. Undefined: it never was.
 */
function syncedAt(threads: readonly (readonly string[])[], marker: string): number | undefined {
  for (const lines of threads) {
    const written = lines.findIndex(
      (line) => line.includes("pwrite64(") && line.includes("raft.db-wal>") && line.includes(marker),
    );
    if (written === -1) continue;
    for (const line of lines.slice(written + 1)) {
      const [, at, took] = /^([\d.]+) f(?:data)?sync\(\d+<[^>]*raft\.db-wal>\) = 0 <([\d.]+)>$/.exec(line) ?? [];
      if (at !== undefined && took !== undefined) return (Number(at) + Number(took)) * 1000;
    }
  }
  return undefined;
}

/** From `performance.now()` to the wall clock. `Date.now()` is rounded down, so the largest difference is the true one. */
function wallClockOffset(): number {
  let offset = -Infinity;
  for (const until = performance.now() + 20; performance.now() < until;) {
    const before = performance.now();
    offset = Math.max(offset, Date.now() - before);
  }
  return offset;
}

test.skipIf(!canTrace())(
  "an acknowledged write was written to the log and synced on a quorum before its answer",
  async () => {
    const { nodes, leader } = await startThreeNodes();
    const folder = temporaryFolder();
    const tracers: Tracer[] = [];
    for (const [at, node] of nodes.entries()) tracers.push(await trace(node, join(folder, `n${at}`)));
    const answered = new Map<string, number>();
    const offset = wallClockOffset();
    // On a busy machine a traced node may lose the lead: what was not acknowledged promises nothing.
    for (let write = 0; answered.size < WRITES; write += 1) {
      const marker = `mark-${String(write).padStart(4, "0")}-of-a-durable-write`;
      const answer = await fetch(`${leader.url}/kv/durable/${write}`, { method: "PUT", body: marker });
      const answeredAt = performance.now() + offset;
      if (answer.status === 200) answered.set(marker, answeredAt);
      else expect([503, 504]).toContain(answer.status);
    }
    const traces: (readonly (readonly string[])[])[] = [];
    for (const tracer of tracers) traces.push(await tracer.stop());
    for (const [marker, answeredAt] of answered) {
      const synced = traces.map((threads) => syncedAt(threads, marker) ?? Infinity);
      expect(synced.filter((at) => at <= answeredAt).length).toBeGreaterThanOrEqual(2);
    }
  },
  300_000,
);

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, tracked, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

const WRITES = 20;
/** A follower that answers before its sync would now and then be late enough to look right: slow syncs show it each time. */
const FOLLOWER_SYNC_DELAY_MS = 20;

/** strace must be there, and this user must be allowed to look into a process that it did not start under strace. */
export function canTrace(): boolean {
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
async function trace(node: AgentProcess, folder: string, syncDelayMs: number): Promise<Tracer> {
  mkdirSync(folder);
  const flags = ["-ff", "-ttt", "-T", "-y", "-s", "8192", "-e", "trace=pwrite64,fsync,fdatasync"];
  if (syncDelayMs > 0) flags.push("-e", `inject=fsync,fdatasync:delay_enter=${syncDelayMs * 1000}`);
  const child = tracked(
    Bun.spawn(["strace", ...flags, "-o", join(folder, "thread"), "-p", String(node.child.pid)], {
      stdio: ["ignore", "ignore", "pipe"],
    }),
  );
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
      const [, at, took] =
        /^([\d.]+) f(?:data)?sync\(\d+<[^>]*raft\.db-wal>\) = 0 (?:\(DELAYED\) )?<([\d.]+)>$/.exec(line) ?? [];
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

/**
 * For each of many acknowledged writes: how many of three nodes had written it to their log and synced that before the answer.
 * @param executable else the one under test
 */
export async function syncsBeforeAnswers(executable?: string): Promise<readonly number[]> {
  const { nodes, leader } = await startThreeNodes([], undefined, executable);
  const folder = temporaryFolder();
  const tracers: Tracer[] = [];
  for (const [at, node] of nodes.entries()) {
    tracers.push(await trace(node, join(folder, `n${at}`), node === leader ? 0 : FOLLOWER_SYNC_DELAY_MS));
  }
  const answered = new Map<string, number>();
  const offset = wallClockOffset();
  // On a busy machine a traced node may lose the lead: what was not acknowledged promises nothing.
  for (let write = 0; answered.size < WRITES; write += 1) {
    const marker = `mark-${String(write).padStart(4, "0")}-of-a-durable-write`;
    const answer = await fetch(`${leader.url}/kv/durable/${write}`, { method: "PUT", body: marker });
    const answeredAt = performance.now() + offset;
    if (answer.status === 200) answered.set(marker, answeredAt);
    else if (answer.status < 503) throw new Error(`A write was answered with ${answer.status}`);
  }
  const traces: (readonly (readonly string[])[])[] = [];
  for (const tracer of tracers) traces.push(await tracer.stop());
  return [...answered].map(([marker, answeredAt]) => {
    const synced = traces.map((threads) => syncedAt(threads, marker) ?? Infinity);
    return synced.filter((at) => at <= answeredAt).length;
  });
}

import { readFileSync } from "node:fs";
import { startAgent } from "../e2e/agent-process.ts";
import { percentile, say, type Bench } from "./bench.ts";
import { record } from "./history.ts";
import { setting } from "./options.ts";

const WRITES = 500;
/** No key is written twice: its reader has its answer after the first time. */
const WATCHERS = setting("WATCHERS", 10_000, WRITES);
const AT_ONCE = 200;
const KIB = 1024;

/** Blocking reads that wait, each for a key of its own: what they cost, and how fast one of them wakes. */
export const watchers: Bench = {
  name: "watchers",
  summary:
    "10,000 idle blocking reads: memory of each, and time from a write to the wake-up of its one reader; WATCHERS=10000",
  run: async () => {
    const agent = await startAgent(["--dev"], { KONSUL_LIMITS_MAX_WATCHERS: String(WATCHERS + 10) });
    const url = new URL(agent.url);
    for (let from = 0; from < WATCHERS; from += 128) await writeKeys(agent.url, from, Math.min(128, WATCHERS - from));
    const before = memoryOf(agent.child.pid);
    const woken: { at: number; key: number }[] = [];
    const index = await indexOf(agent.url);
    for (let from = 0; from < WATCHERS; from += AT_ONCE) {
      const keys = Array.from({ length: Math.min(AT_ONCE, WATCHERS - from) }, (_, at) => from + at);
      await Promise.all(
        keys.map(async (key) => wait(url, key, index, () => woken.push({ at: performance.now(), key }))),
      );
    }
    await Bun.sleep(3000);
    const each = (memoryOf(agent.child.pid) - before) / WATCHERS / KIB;
    const delays: number[] = [];
    let others = 0;
    for (let write = 0; write < WRITES; write += 1) {
      const key = Math.floor((write * WATCHERS) / WRITES);
      const [seen, at] = [woken.length, performance.now()];
      await writeKeys(agent.url, key, 1);
      while (!woken.slice(seen).some((one) => one.key === key)) await Bun.sleep(1);
      delays.push((woken.slice(seen).find((one) => one.key === key)?.at ?? NaN) - at);
      others += woken.length - seen - 1;
    }
    say(`watchers: ${WATCHERS} blocking reads, one for each key; ${WRITES} writes`);
    say(`memory of each         ${each.toFixed(1)} KiB (aim: at most 20)`);
    say(`others woken           ${others} (aim: 0)`);
    const [p50, p99] = [percentile(delays, 0.5), percentile(delays, 0.99)];
    say(`write to wake-up       p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (aim: 50)`);
    record("watchers", { watchers: WATCHERS, kibEach: each, others, p50, p99 });
  },
};

const nameOf = (key: number): string => `watched/${String(key).padStart(6, "0")}`;

async function writeKeys(url: string, from: number, count: number): Promise<void> {
  const operations = Array.from({ length: count }, (_, at) => ({ op: "set", key: nameOf(from + at), value: "v" }));
  const answer = await fetch(`${url}/kv/txn`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ operations }),
  });
  if (!answer.ok) throw new Error(`Cannot write: ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function indexOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/kv/${nameOf(0)}`);
  return Number(answer.headers.get("x-konsul-index"));
}

/** Asks over a connection of its own, without a client library that would cost more than what is measured. */
async function wait(url: URL, key: number, index: number, onWoken: () => void): Promise<void> {
  await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      open: (socket) => {
        socket.write(`GET /kv/${nameOf(key)}?index=${index}&wait=600s HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
      },
      data: () => onWoken(),
    },
  });
}

/** Resident bytes. */
function memoryOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? NaN) * KIB;
}

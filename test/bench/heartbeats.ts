import { say, type Bench } from "./bench.ts";
import { cpuOf } from "./cpu.ts";
import { record } from "./history.ts";
import { seconds, setting } from "./options.ts";
import type { Running } from "./running.ts";
import { konsulSystem } from "./systems.ts";

const INSTANCES = setting("INSTANCES", 10_000);
const TTL_S = 30;
const EVERY_MS = 10_000;
const SECONDS = seconds(20);
const AT_ONCE = 32;

/** What many instances that are alive cost the leader, and whether one ends early when it dies. */
export const heartbeats: Bench = {
  name: "heartbeats",
  summary:
    "10,000 instances with a TTL of 30 s and a heartbeat each 10 s: log entries, CPU of the leader; INSTANCES=10000",
  run: async () => {
    const cluster = await konsulSystem.start();
    try {
      const leader = await cluster.leaderAt();
      await eachInstance(async (id) => register(urlOf(cluster, leader), id));
      const before = { index: await commitOf(cluster, leader), cpu: cpuOf(cluster.pidOf(leader)) };
      const late = await beat(cluster, leader, SECONDS * 1000);
      const entries = ((await commitOf(cluster, leader)) - before.index) / SECONDS;
      const cores = (cpuOf(cluster.pidOf(leader)) - before.cpu) / SECONDS;
      say(
        `heartbeats: ${INSTANCES} instances, TTL ${TTL_S} s, each heard every ${EVERY_MS / 1000} s, for ${SECONDS} s`,
      );
      say(`log entries a second   ${entries.toFixed(2)} (aim: at most 10)`);
      say(
        `cores of the leader    ${cores.toFixed(3)} (aim: at most 0.25)${late > 0 ? `; ${late} heartbeats failed` : ""}`,
      );
      await cluster.kill(leader);
      await cluster.restart(leader);
      const next = await cluster.leaderAt();
      await beat(cluster, next, (TTL_S + 10) * 1000);
      const passing = await passingCount(urlOf(cluster, next));
      say(`expired early          ${INSTANCES - passing} after the leader was killed (aim: 0)`);
      record("heartbeats", { instances: INSTANCES, entriesPerSecond: entries, cores, expired: INSTANCES - passing });
    } finally {
      await cluster.stop();
    }
  },
};

function urlOf(cluster: Running, at: number): string {
  return cluster.urls[at] ?? "";
}

async function eachInstance(run: (id: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let id = next++; id < INSTANCES; id = next++) await run(id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function register(url: string, id: number): Promise<void> {
  const body = { name: "svc", id: `i${id}`, address: "10.0.0.1", port: 80, ttl: `${TTL_S}s` };
  const answer = await fetch(`${url}/register`, { method: "PUT", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`Cannot register: ${await answer.text()}`);
}

/** Evenly spread over time; how many were not answered with success. */
async function beat(cluster: Running, at: number, forMs: number): Promise<number> {
  const url = urlOf(cluster, at);
  const startedAt = performance.now();
  let [sent, failed] = [0, 0];
  const pending = new Set<Promise<void>>();
  const one = async (id: number): Promise<void> => {
    const answer = await fetch(`${url}/heartbeat/svc?id=i${id}`, { method: "PUT" }).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok !== true) failed += 1;
  };
  for (let now = performance.now(); now - startedAt < forMs; now = performance.now()) {
    const due = Math.floor(((now - startedAt) / EVERY_MS) * INSTANCES);
    for (; sent < due && pending.size < 512; sent += 1) {
      const running: Promise<void> = one(sent % INSTANCES).finally(() => pending.delete(running));
      pending.add(running);
    }
    await Bun.sleep(5);
  }
  await Promise.all(pending);
  return failed;
}

async function commitOf(cluster: Running, at: number): Promise<number> {
  const health: { readonly raft?: { readonly commit_index?: number } } = Object(
    await (await fetch(`${urlOf(cluster, at)}/health`)).json(),
  );
  return health.raft?.commit_index ?? NaN;
}

async function passingCount(url: string): Promise<number> {
  const found: { readonly instances?: readonly unknown[] } = Object(
    await (await fetch(`${url}/services/svc?passing`)).json(),
  );
  return found.instances?.length ?? NaN;
}

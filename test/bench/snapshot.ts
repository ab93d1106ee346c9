import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { KONSUL, temporaryFolder, tracked } from "../e2e/agent-process.ts";
import { freePorts } from "../e2e/free-ports.ts";
import { median, say, spread, type Bench } from "./bench.ts";
import { record } from "./history.ts";
import { loadKeys } from "./load-keys.ts";
import { rounds, seconds, setting, warmUp } from "./options.ts";
import { konsulSystem, startKonsul, type RunningKonsul } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { startWrk, wrk } from "./wrk.ts";

const KEYS = setting("KEYS", 1_000_000);
const CLIENTS = 64;
const AIM_SHARE = 0.7;
const AIM_PAUSE_MS = 20;
/** Snapshots only when asked for, and a log too short for a node that joins. */
const FLAGS = ["--snapshot-threshold=1000000000", "--snapshot-log-bytes=1024GiB", "--trailing-logs=1000"];

interface Window {
  readonly writesPerSecond: number;
  readonly longestPauseMs: number;
  readonly tookMs: number;
}

/** Writes while the leader takes a snapshot and sends it to a node that joins, beside the same load without it. */
export const snapshot: Bench = {
  name: "snapshot",
  summary: "writes/s and event-loop pauses while a snapshot is taken and sent to a node that joins; KEYS=1000000",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("snapshot: SKIPPED, there is no wrk");
    const cluster = await startKonsul(3, FLAGS);
    const [calm, busy]: [Window[], Window[]] = [[], []];
    let leaderChanges = 0;
    try {
      await loadKeys(konsulSystem, await cluster.leader(), KEYS);
      await wrk(await cluster.leader(), konsulSystem.write, { clients: CLIENTS, seconds: warmUp() });
      for (let round = 0; calm.length < rounds() && round < 2 * rounds(); round += 1) {
        const found = await onRound(cluster, round);
        if (found === undefined) leaderChanges += 1;
        else {
          calm.push(found[0]);
          busy.push(found[1]);
        }
      }
    } finally {
      await cluster.stop();
    }
    if (leaderChanges > 0) say(`snapshot: the leader changed in ${leaderChanges} more rounds, which do not count`);
    if (calm.length === 0) throw new Error("no round was without a leader change: this machine is too busy");
    report(calm, busy);
  },
};

/** Undefined: the leader changed meanwhile. */
async function onRound(cluster: RunningKonsul, round: number): Promise<readonly [Window, Window] | undefined> {
  const [leader, term] = [await cluster.leader(), await cluster.term()];
  const joiner = joinerOf({ leader, joinAddresses: cluster.joinAddresses }, `joins-${round}`);
  const load = startWrk(leader, konsulSystem.write, { clients: CLIENTS, seconds: 600 });
  try {
    await Bun.sleep(1000);
    const calm = await measured(leader, async () => Bun.sleep(seconds() * 1000));
    const busy = await measured(leader, async () => snapshotAndJoin(leader, joiner));
    return (await cluster.term()) === term ? [calm, busy] : undefined;
  } finally {
    await load.stop();
    await joiner.leave();
  }
}

function report(calm: readonly Window[], busy: readonly Window[]): void {
  const shares = busy.map(({ writesPerSecond }, round) => writesPerSecond / (calm[round]?.writesPerSecond ?? NaN));
  const above = busy.map(({ longestPauseMs }, round) => longestPauseMs - (calm[round]?.longestPauseMs ?? NaN));
  const rate = (all: readonly Window[]): string => spread(all.map(({ writesPerSecond }) => writesPerSecond));
  const pause = (all: readonly Window[]): string => spread(all.map(({ longestPauseMs }) => longestPauseMs));
  const took = spread(busy.map((window) => window.tookMs));
  const [share, more] = [median(shares), median(above)];
  say(
    `snapshot: ${KEYS} keys, ${CLIENTS} clients, ${calm.length} rounds; snapshot, transfer and joining took ${took} ms`,
  );
  say(`writes/s              undisturbed ${rate(calm)}, meanwhile ${rate(busy)}`);
  say(`share                 ${spread(shares)} (aim > ${AIM_SHARE}: ${share > AIM_SHARE ? "met" : "NOT met"})`);
  say(`longest pause, leader undisturbed ${pause(calm)} ms, meanwhile ${pause(busy)} ms`);
  say(`above undisturbed     ${spread(above)} ms (aim ≤ ${AIM_PAUSE_MS}: ${more <= AIM_PAUSE_MS ? "met" : "NOT met"})`);
  record("snapshot", {
    keys: KEYS,
    rounds: calm.length,
    seconds: seconds(),
    share,
    pauseAboveMs: more,
    tookMs: median(busy.map((window) => window.tookMs)),
  });
}

/** What the leader committed while `run` went on, and its longest pause. */
async function measured(leader: string, run: () => Promise<void>): Promise<Window> {
  // The metric is the longest since the last scrape.
  await pauseSinceLast(leader);
  const [index, at] = [await committed(leader), performance.now()];
  await run();
  const tookMs = performance.now() - at;
  const writes = (await committed(leader)) - index;
  return { writesPerSecond: (writes / tookMs) * 1000, longestPauseMs: await pauseSinceLast(leader), tookMs };
}

async function pauseSinceLast(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^konsul_event_loop_delay_seconds(?:\{.*\})? (.+)$/m.exec(text)?.[1] ?? NaN) * 1000;
}

async function committed(url: string): Promise<number> {
  const { raft } = Object(await (await fetch(`${url}/health`)).json());
  return Number(Object(raft).commit_index);
}

async function snapshotAndJoin(leader: string, joiner: Joiner): Promise<void> {
  const taken = await fetch(`${leader}/cluster/snapshot`, { method: "POST" });
  if (!taken.ok) throw new Error(`Cannot take a snapshot: ${await taken.text()}`);
  await joiner.join();
}

interface Joiner {
  /** On return the node has the whole state and is ready. */
  join(): Promise<void>;
  leave(): Promise<void>;
}

function joinerOf(cluster: { readonly leader: string; readonly joinAddresses: string }, id: string): Joiner {
  const folder = temporaryFolder("konsul-joiner");
  const log = join(folder, "log");
  const [port, raftPort] = freePorts(2);
  const url = `http://127.0.0.1:${port}`;
  let child: Bun.Subprocess | undefined;
  return {
    join: async () => {
      const where = [`--port=${port}`, `--raft-bind-addr=127.0.0.1:${raftPort}`, `--data-dir=${join(folder, "data")}`];
      const flags = [`--node-id=${id}`, `--join=${cluster.joinAddresses}`, "--log-level=error", ...FLAGS];
      child = tracked(
        Bun.spawn([KONSUL, "agent", ...where, ...flags], { cwd: folder, stdio: ["ignore", "ignore", Bun.file(log)] }),
      );
      while ((await fetch(`${url}/health/ready`).catch(() => undefined))?.status !== 200) {
        if (child.exitCode !== null) throw new Error(`The node that joins ended: ${readFileSync(log, "utf8").trim()}`);
        await Bun.sleep(20);
      }
      const { kv_store: store } = Object(await (await fetch(`${url}/health`)).json());
      if (Number(Object(store).keys) < KEYS) throw new Error(`The node that joined has not all of the ${KEYS} keys`);
    },
    leave: async () => {
      if (child === undefined) return;
      // Its end comes after its removal: else a dead node would count for the quorum.
      for (const left = new Set([200, 404]); !left.has(await removed(cluster.leader, id));) await Bun.sleep(200);
      child.kill("SIGKILL");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function removed(leader: string, id: string): Promise<number> {
  const answer = await fetch(`${leader}/cluster/leave/${id}`, { method: "DELETE" }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status ?? 0;
}

import { join } from "node:path";
import { median, say, spread, type Bench } from "./bench.ts";
import { sampled, type Contender, type Sample } from "./contest.ts";
import { record } from "./history.ts";
import { IdleWatchers } from "./idle-watchers.ts";
import { loadKeys } from "./load-keys.ts";
import { choice, rounds, seconds, setting, warmUp } from "./options.ts";
import type { Running } from "./running.ts";
import { plots, short, type Series } from "./svg.ts";
import { konsulSystem, konsulWrite, startKonsul, type Requests } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { konsulWrites } from "./writes-beside.ts";

const CLIENTS = 64;
const PICTURE = join(import.meta.dir, "..", "..", "docs", "growth.svg");
const NODES = [1, 3, 5, 7];
const KEYS_MAX = setting("KEYS", 1_000_000, 1000);
const KEYS = [1e3, 1e4, 1e5, 1e6].filter((keys) => keys <= KEYS_MAX);
const VALUE_BYTES = [100, 1024, 10 * 1024, 100 * 1024, 256 * 1024];
const WATCHERS = [0, 10, 100, 1000, 10_000];
const GROWTHS = ["nodes", "keys", "values", "watchers"];
/** Some of them only; then nothing is drawn. */
const GROW = choice("GROW", GROWTHS);
/** All values of one size together. */
const STATE_BYTES_MAX = 64 * 1024 * 1024;

/** One size of what grows. */
interface Point {
  readonly x: number;
  readonly contender: Contender;
  /** Bytes of a value, where these are what counts. */
  readonly valueBytes?: number;
  /** Before each of its loads. */
  readonly prepare?: () => Promise<void>;
}

interface Growth {
  readonly title: string;
  readonly xLabel: string;
  readonly points: readonly Point[];
  readonly stop: () => Promise<void>;
}

/** What a write costs as the cluster, the state, the values and the number of watchers grow. */
export const growth: Bench = {
  name: "growth",
  summary:
    "writes/s at 1 to 7 nodes, 10^3 to 10^6 keys, 100 B to 256 KiB, 0 to 10,000 watchers; draws docs/growth.svg; KEYS=1000000 GROW=nodes,keys,values,watchers",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("growth: SKIPPED, there is no wrk");
    const drawn: Series[] = [];
    const line: Record<string, unknown> = { rounds: rounds(), seconds: seconds() };
    const chosen = Object.entries({ nodes: ofNodes, keys: ofKeys, values: ofValues, watchers: ofWatchers }).filter(
      ([name]) => GROW.includes(name),
    );
    for (const [, begin] of chosen) {
      const grown = await begin();
      try {
        const series = await measured(grown);
        drawn.push(series);
        line[grown.title] = Object.fromEntries(series.points.map(({ x, y }) => [x, Math.round(y)]));
      } finally {
        await grown.stop();
      }
    }
    if (chosen.length === GROWTHS.length) await Bun.write(PICTURE, plots(drawn));
    record("growth", line);
  },
};

/** Every size once in each round, so that all of them see the same noise. */
async function measured({ title, xLabel, points }: Growth): Promise<Series> {
  const samples = new Map<number, Sample[]>(points.map(({ x }) => [x, []]));
  for (const { contender, prepare } of points) {
    await prepare?.();
    await contender.load({ clients: CLIENTS, seconds: warmUp(4) });
  }
  for (let round = 0; round < rounds(); round += 1) {
    for (const { x, contender, prepare } of points) {
      await prepare?.();
      samples.get(x)?.push(await sampled(contender, { clients: CLIENTS, seconds: seconds(2) }));
    }
  }
  const isBytes = points.some(({ valueBytes }) => valueBytes !== undefined);
  const yLabel = isBytes ? "bytes/s" : "writes/s";
  say(`${title}: ${yLabel} of ${CLIENTS} clients, medians of ${rounds()} rounds of ${seconds(2)} s (least to most)`);
  const found = points.map(({ x, valueBytes = 1 }) => {
    const of = samples.get(x) ?? [];
    const each = of.map(({ perSecond }) => perSecond * valueBytes);
    const cpu = median(of.map(({ cpuEach }) => cpuEach));
    const failures = of.reduce((sum, sample) => sum + sample.failures, 0);
    const failed = failures > 0 ? `, ${failures} FAILED` : "";
    say(
      `  ${`${short(x)} ${xLabel}`.padEnd(24)} ${spread(each)}, ${cpu.toFixed(0)} µs CPU of all nodes a write${failed}`,
    );
    return { x, y: median(each) };
  });
  sayCliffs(found);
  return { title, xLabel, yLabel, points: found };
}

/** Of all pairs of sizes at most ten times apart; where the next size is farther, brought down to a step of ten. */
function sayCliffs(points: Series["points"]): void {
  let worst = Infinity;
  let where = "";
  for (const [at, from] of points.entries()) {
    for (const [offset, to] of points.slice(at + 1).entries()) {
      const steps = from.x === 0 ? 1 : Math.log10(to.x / from.x);
      // A size is compared with the next one, and with all that are near enough.
      if (offset > 0 && (steps > 1 || from.x === 0)) continue;
      const kept = (to.y / from.y) ** (1 / Math.max(1, steps));
      if (kept < worst) [worst, where] = [kept, `from ${short(from.x)} to ${short(to.x)}`];
    }
  }
  const verdict = worst >= 0.5 ? "met" : "NOT met";
  say(`  the worst step of ten keeps ${worst.toFixed(2)} of the throughput, ${where} (aim ≥ 0.5: ${verdict})`);
}

/** One cluster at a time: sixteen idle nodes would take half a core from the one that is measured. */
async function ofNodes(): Promise<Growth> {
  let cluster = await startKonsul(NODES[0] ?? 1);
  const contender: Contender = {
    name: "konsul",
    pids: () => cluster.pids(),
    term: async () => cluster.term(),
    load: async (shape) => konsulWrites(cluster).load(shape),
  };
  return {
    title: "nodes",
    xLabel: "nodes on one machine",
    points: NODES.map((x) => ({
      x,
      contender,
      prepare: async () => {
        if (cluster.urls.length === x) return;
        await cluster.stop();
        cluster = await startKonsul(x);
        // Each process compiles what it runs often, and all of them share the same cores.
        await contender.load({ clients: CLIENTS, seconds: warmUp(4) * x });
      },
    })),
    stop: async () => cluster.stop(),
  };
}

async function ofKeys(): Promise<Growth> {
  const clusters: Running[] = [];
  for (const keys of KEYS) {
    const cluster = await startKonsul(3);
    clusters.push(cluster);
    await loadKeys(konsulSystem, await cluster.leader(), keys);
  }
  return {
    title: "keys",
    xLabel: "keys",
    points: clusters.map((cluster, at) => ({
      x: KEYS[at] ?? 0,
      contender: konsulWrites(cluster, toLoaded(KEYS[at] ?? 0)),
    })),
    stop: async () => stopAll(clusters),
  };
}

/** Writes to the keys that were loaded. */
function toLoaded(keys: number): Requests {
  return { ...konsulSystem.write, path: `string.format("/kv/m%019d", math.random(0, ${keys - 1}))` };
}

async function ofValues(): Promise<Growth> {
  const cluster = await startKonsul(3);
  return {
    title: "value sizes",
    xLabel: "bytes",
    points: VALUE_BYTES.map((valueBytes) => {
      const keys = Math.min(10_000, Math.floor(STATE_BYTES_MAX / valueBytes));
      const requests = konsulWrite({ valueBytes, keys });
      return { x: valueBytes, valueBytes, contender: konsulWrites(cluster, requests) };
    }),
    stop: async () => stopAll([cluster]),
  };
}

async function ofWatchers(): Promise<Growth> {
  const cluster = await startKonsul(3);
  const idle = new IdleWatchers(await cluster.leader());
  return {
    title: "watchers",
    xLabel: "idle blocking reads",
    points: WATCHERS.map((x) => ({
      x,
      contender: konsulWrites(cluster),
      prepare: async () => {
        if (x === 0) idle.end();
        await idle.growTo(x);
      },
    })),
    stop: async () => {
      idle.end();
      await stopAll([cluster]);
    },
  };
}

async function stopAll(clusters: readonly Running[]): Promise<void> {
  for (const cluster of clusters) await cluster.stop();
}

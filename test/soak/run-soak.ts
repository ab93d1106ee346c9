import { createPrng, type Prng } from "../../src/base/index.ts";
import { openBank, runBank } from "./clients/bank.ts";
import { readBlocking } from "./clients/blocking-reader.ts";
import { writeIdempotently } from "./clients/idempotent-writer.ts";
import { runKvWindows } from "./clients/kv-windows.ts";
import { contend } from "./clients/lock-client.ts";
import { LockJudge } from "./clients/lock-judge.ts";
import { Sequence } from "./clients/sequence.ts";
import { instancesLeft, judgeInstances, keepInstance, type Promises } from "./clients/service-client.ts";
import { WatchJudge } from "./clients/watch-judge.ts";
import { knownIndex, watchAll } from "./clients/watcher.ts";
import { writeSequence } from "./clients/write-sequence.ts";
import { SoakCluster } from "./cluster.ts";
import { FAULTS } from "./faults.ts";
import { inspectFolder } from "./folders.ts";
import type { SoakResult } from "./report.ts";
import type { SoakNode } from "./soak-node.ts";
import type { ClientOptions } from "./request.ts";
import { takeSample, growthOf, type Sample } from "./samples.ts";
import { Tally } from "./tally.ts";
import { warmUp } from "./warm-up.ts";

const SAMPLE_MS = 10_000;
const WHOLE_MS_MAX = 240_000;
const OUTSIDE_MS_MAX = 30_000;
const END_MS_MAX = 60_000;
const WARM_UP_MS_MAX = 240_000;
const SEQUENCES = 4;

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** How many times slower than by themselves the nodes take each other for dead, on a machine that has other work. */
  readonly patience: number;
  readonly say: (line: string) => void;
}

/** Clients of every kind on five nodes, and one fault after another, until the time is over. */
export async function runSoak({ minutes, seed, patience, say }: SoakOptions): Promise<SoakResult> {
  const prng = createPrng(seed);
  const tally = new Tally();
  const cluster = new SoakCluster(tally, patience);
  const wholeMs = minutes * 60_000;
  let startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  const isOver = (): boolean => elapsed() >= wholeMs;
  const samples: Sample[] = [];
  const faults = new Map<string, number>();
  let isKept = true;
  const stop = (): void => {
    void cluster.remove(true).then(() => process.exit(130));
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    for (const node of cluster.nodes) node.start();
    let isWhole = await getsWhole(cluster, tally);
    if (!isWhole) throw new Error(`no cluster came to be: ${tally.violations.join("; ")}`);
    say(`five nodes are there, their logs and data in ${cluster.folder}`);
    await warmUp(cluster, () => elapsed() > WARM_UP_MS_MAX);
    say("they are warm: the time begins");
    startedAt = performance.now();
    const options = { urls: cluster.urls, prng, tally, isOver: () => isOver() || !isWhole };
    const work = [...(await startClients(options)), sampleAll(cluster, { samples, elapsed, isOver: options.isOver })];
    while (isWhole && !isOver()) isWhole = await oneFault(cluster, { prng, tally, faults, say });
    tally.during = "the end";
    await Promise.all(work);
    if (isWhole) await judgeEnd(cluster, { ...options, isOver: () => false });
    const last = await Promise.all(cluster.nodes.map(async (node) => takeSample(cluster, node, elapsed())));
    for (const node of cluster.nodes) {
      const code = await node.end("SIGTERM");
      if (code !== 0) tally.violation(`${node.options.id} ended with ${code} after SIGTERM`);
    }
    const folders = cluster.nodes.map(inspectFolder);
    isKept = tally.violations.length > 0;
    return {
      seed,
      minutes,
      patience,
      tally,
      faults,
      elections: electionsOf(samples),
      terms: Math.max(0, ...last.map((one) => one?.term ?? 0)),
      growth: growthOf(samples, wholeMs),
      folders,
    };
  } finally {
    await cluster.remove(isKept);
  }
}

async function startClients(options: ClientOptions): Promise<readonly Promise<void>[]> {
  const own = (): ClientOptions => ({ ...options, prng: options.prng.fork() });
  const from = await knownIndex(options.urls[0] ?? "");
  await openBank(options);
  const sequences = Array.from({ length: SEQUENCES }, (_, at) => new Sequence(`seq/${at}`));
  const locks = new LockJudge();
  const promises: Promises = new Map();
  const work: Promise<void>[] = [runKvWindows(own())];
  for (const sequence of sequences) {
    work.push(writeSequence(own(), sequence, 150), readBlocking(own(), sequence));
  }
  for (const at of [0, 1]) {
    work.push(watchAll(own(), { prefix: "seq/", from, judge: new WatchJudge(sequences, from) }));
    work.push(runBank(own()), writeIdempotently(own(), `writer-${at}`));
  }
  for (const at of [0, 1, 2]) {
    work.push(contend(own(), locks, `contender-${at}`), keepInstance(own(), promises, `instance-${at}`));
  }
  work.push(judgeInstances(own(), promises));
  return work;
}

async function sampleAll(
  cluster: SoakCluster,
  { samples, elapsed, isOver }: { readonly samples: Sample[]; elapsed: () => number; isOver: () => boolean },
): Promise<void> {
  while (!isOver()) {
    for (const node of cluster.nodes) {
      const sample = await takeSample(cluster, node, elapsed());
      if (sample !== undefined) samples.push(sample);
    }
    await Bun.sleep(SAMPLE_MS);
  }
}

async function oneFault(
  cluster: SoakCluster,
  more: {
    readonly prng: Prng;
    readonly tally: Tally;
    readonly faults: Map<string, number>;
    readonly say: SoakOptions["say"];
  },
): Promise<boolean> {
  const { prng, tally, faults, say } = more;
  const begin = prng.pick(FAULTS);
  tally.during = begin.name;
  faults.set(begin.name, (faults.get(begin.name) ?? 0) + 1);
  const fault = await begin({ cluster, prng, tally });
  tally.during = fault.name;
  await Bun.sleep(prng.between(1000, 10_000));
  await fault.heal();
  const isWhole = await getsWhole(cluster, tally);
  say(`${fault.name}: ${isWhole ? "over" : "not over, as the cluster does not get whole"}`);
  tally.during = `calm after ${fault.name}`;
  await Bun.sleep(prng.between(500, 4000));
  return isWhole;
}

/** False: it does not, which is a violation. */
async function getsWhole(cluster: SoakCluster, tally: Tally): Promise<boolean> {
  const until = performance.now() + WHOLE_MS_MAX;
  const outsideSince = new Map<SoakNode, number>();
  while (!(await cluster.isWhole())) {
    if (performance.now() > until || cluster.nodes.some(({ isRunning }) => !isRunning)) {
      const seen = await Promise.all(cluster.nodes.map(async (node) => cluster.status(node)));
      tally.violation(`the cluster did not get whole after ${tally.during}: ${JSON.stringify(seen)}`);
      return false;
    }
    await readmit(cluster, { tally, outsideSince });
    await Bun.sleep(250);
  }
  return true;
}

/** A node that took so long to start that autopilot removed it meanwhile gets an empty folder, as an operator would do it. */
async function readmit(
  cluster: SoakCluster,
  { tally, outsideSince }: { readonly tally: Tally; readonly outsideSince: Map<SoakNode, number> },
): Promise<void> {
  const leader = await cluster.leader();
  const members = leader === undefined ? undefined : (await cluster.status(leader))?.members;
  for (const node of members === undefined ? [] : cluster.nodes) {
    if (members?.includes(node.options.id) === true) {
      outsideSince.delete(node);
      continue;
    }
    const since = outsideSince.get(node) ?? performance.now();
    outsideSince.set(node, since);
    if (performance.now() - since < OUTSIDE_MS_MAX) continue;
    tally.note("nodes that started too slowly for autopilot");
    outsideSince.delete(node);
    await node.end("SIGKILL");
    node.wipe();
    node.start();
  }
}

/** What nobody keeps alive is gone, and all nodes agree on every key. */
async function judgeEnd(cluster: SoakCluster, options: ClientOptions): Promise<void> {
  const until = performance.now() + END_MS_MAX;
  while ((await instancesLeft(options)) > 0) {
    if (performance.now() > until) {
      options.tally.violation("instances without heartbeats are still there");
      break;
    }
    await Bun.sleep(500);
  }
  await judgeCopies(cluster, options.tally);
}

/** What was on its way may still come: all nodes agree once nothing comes any more. */
async function judgeCopies(cluster: SoakCluster, tally: Tally): Promise<void> {
  const until = performance.now() + END_MS_MAX;
  for (;;) {
    const copies = await Promise.all(
      cluster.urls.map(async (url) => (await fetch(`${url}/kv/?consistent&limit=10000`)).text()),
    );
    const other = copies.find((copy) => copy !== copies[0]);
    if (other === undefined) return;
    if (performance.now() > until)
      return tally.violation(`the nodes do not agree: ${difference(copies[0] ?? "", other)}`);
    await Bun.sleep(500);
  }
}

function difference(one: string, other: string): string {
  let at = 0;
  while (one[at] === other[at]) at += 1;
  return `${one.slice(at - 100, at + 100)} and ${other.slice(at - 100, at + 100)}`;
}

/** A process counts from zero: the last count of each life. */
function electionsOf(samples: readonly Sample[]): number {
  const lives = Map.groupBy(samples, ({ node, life }) => `${node} ${life}`);
  return [...lives.values()].reduce((sum, life) => sum + (life.at(-1)?.elections ?? 0), 0);
}

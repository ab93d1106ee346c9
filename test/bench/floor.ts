import { median, say, spread, type Bench } from "./bench.ts";
import { sampled, warm, type Contender } from "./contest.ts";
import { bareRoundTrip, peerRoundTrip, syncBesideTwo } from "./floor-parts.ts";
import { record } from "./history.ts";
import { rounds, seconds } from "./options.ts";
import type { Running } from "./running.ts";
import { etcdSystem, konsulSystem, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { wrk, type Load } from "./wrk.ts";

const OF_ETCD = 0.5;
const OF_FLOOR = 1.5;

/** One client's writes beside etcd's, and beside what no such write can do without. */
export const floor: Bench = {
  name: "floor",
  summary:
    "one client's writes, p50 and p99, beside etcd's and beside a bare round trip + a sync + a peer's round trip",
  run: async () => {
    const missing = missingTools(["etcd", "wrk"]);
    if (missing.length > 0) return say(`floor: SKIPPED, there is no ${missing.join(" and no ")}`);
    const [konsul, etcd] = [await konsulSystem.start(), await etcdSystem.start()];
    const [http, sync, peer, own, other]: [number[], number[], number[], Load[], Load[]] = [[], [], [], [], []];
    const pair = [contender(konsulSystem, konsul), contender(etcdSystem, etcd)] as const;
    const shape = { clients: 1, seconds: seconds() };
    try {
      await warm(pair);
      for (let round = 0; round < rounds(); round += 1) {
        http.push(await bareRoundTrip(seconds()));
        sync.push(await syncBesideTwo(seconds()));
        peer.push(await peerRoundTrip(seconds()));
        const turns = [[pair[0], own] as const, [pair[1], other] as const];
        for (const [system, loads] of round % 2 === 0 ? turns : turns.toReversed()) {
          loads.push(await sampled(system, shape));
        }
      }
    } finally {
      await konsul.stop();
      await etcd.stop();
    }
    report({ http, sync, peer, own, other });
  },
};

function contender({ name, write }: System, running: Running): Contender {
  return {
    name,
    pids: () => running.pids(),
    term: async () => running.term(),
    load: async (shape) => wrk(await running.leader(), write, shape),
  };
}

interface Measured {
  readonly http: readonly number[];
  readonly sync: readonly number[];
  readonly peer: readonly number[];
  readonly own: readonly Load[];
  readonly other: readonly Load[];
}

function report({ http, sync, peer, own, other }: Measured): void {
  const sums = http.map((ms, round) => ms + (sync[round] ?? NaN) + (peer[round] ?? NaN));
  const [p50, p99] = [own.map(({ p50Ms }) => p50Ms), own.map(({ p99Ms }) => p99Ms)];
  const [etcd50, etcd99] = [other.map(({ p50Ms }) => p50Ms), other.map(({ p99Ms }) => p99Ms)];
  say(`one client's writes, three nodes each, medians of ${own.length} rounds (least to most)`);
  say(`bare HTTP round trip, p50                    ${spread(http)} ms`);
  say(`one sync while two other processes sync, p50 ${spread(sync)} ms`);
  say(`one peer round trip over TCP, p50            ${spread(peer)} ms`);
  say(`floor: their sum                             ${spread(sums)} ms`);
  say(`konsul                                       p50 ${spread(p50)} ms, p99 ${spread(p99)} ms`);
  say(`etcd over HTTP                               p50 ${spread(etcd50)} ms, p99 ${spread(etcd99)} ms`);
  const verdict = (name: string, each: readonly number[], aim: number): number => {
    const ratio = median(each);
    say(`${name.padEnd(44)} ${spread(each)} (aim ≤ ${aim}: ${ratio <= aim ? "met" : "NOT met"})`);
    return ratio;
  };
  const over = (values: readonly number[], base: readonly number[]): readonly number[] =>
    values.map((value, round) => value / (base[round] ?? NaN));
  record("floor", {
    rounds: own.length,
    seconds: seconds(),
    http: median(http),
    sync: median(sync),
    peer: median(peer),
    konsul: { p50: median(p50), p99: median(p99) },
    etcd: { p50: median(etcd50), p99: median(etcd99) },
    overFloor: verdict("konsul p50 / floor", over(p50, sums), OF_FLOOR),
    overEtcd50: verdict("konsul p50 / etcd p50", over(p50, etcd50), OF_ETCD),
    overEtcd99: verdict("konsul p99 / etcd p99", over(p99, etcd99), OF_ETCD),
  });
}

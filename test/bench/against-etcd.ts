import { median, record, say, spread, type Bench } from "./bench.ts";
import { etcdSystem, konsulSystem, type Requests, type Running, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { wrk, type Load } from "./wrk.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 5);
const SECONDS = Number(process.env["SECONDS"] ?? 3);
const WARM_UP = Number(process.env["WARM_UP"] ?? 8);

interface Figure {
  readonly name: string;
  readonly clients: number;
  readonly at: "leader" | "follower";
  readonly of: (system: System) => Requests;
  readonly value: (load: Load) => number;
  readonly unit: string;
  /** Ratio to etcd's figure that we mean to reach. */
  readonly aim: (ratio: number) => boolean;
  readonly aimText: string;
}

const write = ({ write: requests }: System): Requests => requests;
const read = ({ consistentRead }: System): Requests => consistentRead;
const perSecond = ({ perSecond: value }: Load): number => value;
const atLeast = (aim: number): Pick<Figure, "aim" | "aimText"> => ({
  aim: (ratio) => ratio >= aim,
  aimText: `≥ ${aim}`,
});
const atMost = (aim: number): Pick<Figure, "aim" | "aimText"> => ({
  aim: (ratio) => ratio <= aim,
  aimText: `≤ ${aim}`,
});

const FIGURES: readonly Figure[] = [
  {
    name: "durable writes, 64 clients",
    clients: 64,
    at: "leader",
    of: write,
    value: perSecond,
    unit: "/s",
    ...atLeast(4),
  },
  {
    name: "durable writes, 256 clients",
    clients: 256,
    at: "leader",
    of: write,
    value: perSecond,
    unit: "/s",
    ...atLeast(4),
  },
  {
    name: "one client's writes, p50",
    clients: 1,
    at: "leader",
    of: write,
    value: ({ p50Ms }) => p50Ms,
    unit: " ms",
    ...atMost(0.5),
  },
  {
    name: "one client's writes, p99",
    clients: 1,
    at: "leader",
    of: write,
    value: ({ p99Ms }) => p99Ms,
    unit: " ms",
    ...atMost(0.5),
  },
  {
    name: "linearizable reads on the leader",
    clients: 64,
    at: "leader",
    of: read,
    value: perSecond,
    unit: "/s",
    ...atLeast(5),
  },
  {
    name: "linearizable reads on a follower",
    clients: 64,
    at: "follower",
    of: read,
    value: perSecond,
    unit: "/s",
    ...atLeast(5),
  },
];

/** Both systems with three nodes on this machine, in turn, on the same disk, each write synced before it is answered. */
export const againstEtcd: Bench = {
  name: "etcd",
  summary: "writes and linearizable reads beside etcd's HTTP interface, three nodes each",
  run: async () => {
    const missing = missingTools(["etcd", "wrk"]);
    if (missing.length > 0) return say(`etcd: SKIPPED, there is no ${missing.join(" and no ")}`);
    const samples = new Map<string, number[]>();
    let failures = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      // Only one of them runs at a time, and who begins changes.
      for (const system of round % 2 === 0 ? [konsulSystem, etcdSystem] : [etcdSystem, konsulSystem]) {
        const cluster = await system.start();
        try {
          failures += await measure(system, cluster, samples);
        } finally {
          await cluster.stop();
        }
      }
    }
    report(samples, failures);
  },
};

async function measure(system: System, cluster: Running, samples: Map<string, number[]>): Promise<number> {
  let failures = 0;
  // Until the hot paths are compiled: a server is not new for long.
  await wrk(cluster.leader, system.write, { clients: 64, seconds: WARM_UP });
  await wrk(cluster.leader, system.consistentRead, { clients: 64, seconds: WARM_UP / 2 });
  const loads = new Map<string, Load>();
  for (const { name, clients, at, of, value } of FIGURES) {
    const kind = `${clients} ${at} ${of === write ? "write" : "read"}`;
    const load = loads.get(kind) ?? (await wrk(cluster[at], of(system), { clients, seconds: SECONDS }));
    // A read may find a key that nobody has written yet.
    if (!loads.has(kind) && of === write) failures += load.failures;
    loads.set(kind, load);
    const key = `${system.name}: ${name}`;
    samples.set(key, [...(samples.get(key) ?? []), value(load)]);
  }
  return failures;
}

function report(samples: ReadonlyMap<string, readonly number[]>, failures: number): void {
  const line: Record<string, unknown> = { rounds: ROUNDS, seconds: SECONDS, failures };
  say(`three nodes each, 100-byte values, medians of ${ROUNDS} rounds of ${SECONDS} s (least to most)`);
  for (const { name, unit, aim, aimText } of FIGURES) {
    const own = samples.get(`konsul: ${name}`) ?? [];
    const other = samples.get(`etcd: ${name}`) ?? [];
    const ratio = median(own) / median(other);
    line[name] = { konsul: median(own), etcd: median(other), ratio };
    const verdict = aim(ratio) ? "met" : "NOT met";
    say(
      `${name.padEnd(34)} konsul ${spread(own)}${unit}, etcd ${spread(other)}${unit}, ratio ${ratio.toFixed(2)} (aim ${aimText}: ${verdict})`,
    );
  }
  if (failures > 0) say(`${failures} requests failed`);
  record("etcd", line);
}

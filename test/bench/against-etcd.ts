import { say, type Bench } from "./bench.ts";
import { compare, inTurn, warm, type Contender } from "./contest.ts";
import { record } from "./history.ts";
import { rounds, seconds } from "./options.ts";
import type { Running } from "./running.ts";
import { etcdSystem, konsulSystem, seed, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { wrk } from "./wrk.ts";

interface Figure {
  readonly name: string;
  readonly kind: "write" | "consistentRead";
  readonly at: "leader" | "follower";
  readonly clients: number;
  /** The least ratio to etcd's that we mean to reach. */
  readonly aim: number;
}

const FIGURES: readonly Figure[] = [
  { name: "durable writes, 64 clients", kind: "write", at: "leader", clients: 64, aim: 4 },
  { name: "durable writes, 256 clients", kind: "write", at: "leader", clients: 256, aim: 4 },
  { name: "linearizable reads, leader", kind: "consistentRead", at: "leader", clients: 64, aim: 5 },
  { name: "linearizable reads, follower", kind: "consistentRead", at: "follower", clients: 64, aim: 5 },
];

/** Both systems with three nodes on this machine, in turn, on the same disk, each write synced before it is answered. */
export const againstEtcd: Bench = {
  name: "etcd",
  summary: "writes and linearizable reads beside etcd's HTTP interface, three nodes each",
  run: async () => {
    const missing = missingTools(["etcd", "wrk"]);
    if (missing.length > 0) return say(`etcd: SKIPPED, there is no ${missing.join(" and no ")}`);
    const [konsul, etcd] = [await konsulSystem.start(), await etcdSystem.start()];
    const line: Record<string, unknown> = { rounds: rounds(), seconds: seconds() };
    try {
      await seed(konsulSystem, konsul);
      await seed(etcdSystem, etcd);
      for (const [place, figure] of FIGURES.entries()) {
        const pair = [contender(konsulSystem, konsul, figure), contender(etcdSystem, etcd, figure)] as const;
        if (place === 0 || figure.kind !== "write") await warm(pair);
        const shape = { clients: figure.clients, seconds: seconds(), rounds: rounds() };
        line[figure.name] = compare(figure.name, { pair, samples: await inTurn(pair, shape), aim: figure.aim }).line;
      }
    } finally {
      await konsul.stop();
      await etcd.stop();
    }
    record("etcd", line);
  },
};

function contender(system: System, running: Running, { kind, at }: Figure): Contender {
  return {
    name: system.name,
    pids: () => running.pids(),
    term: async () => running.term(),
    load: async (shape) => wrk(await running[at](), system[kind], shape),
  };
}

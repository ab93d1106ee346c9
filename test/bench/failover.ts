import { median, percentile, record, say, type Bench } from "./bench.ts";
import { etcdSystem, konsulSystem, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";

const KILLS = Number(process.env["KILLS"] ?? 10);

/** Time without successful writes after SIGKILL of the leader, at default settings. */
export const failover: Bench = {
  name: "failover",
  summary: "time without successful writes after SIGKILL of the leader of three, etcd's beside it; KILLS=10",
  run: async () => {
    const own = await gapsOf(konsulSystem);
    say(`failover: konsul ${figures(own)} (aims: median 300 ms, p99 1000 ms)`);
    const hasEtcd = missingTools(["etcd"]).length === 0;
    const other = hasEtcd ? await gapsOf(etcdSystem) : [];
    say(hasEtcd ? `failover: etcd ${figures(other)}` : "failover: the comparison is SKIPPED, there is no etcd");
    record("failover", { kills: KILLS, konsul: median(own), etcd: median(other), konsulWorst: Math.max(...own) });
  },
};

function figures(gaps: readonly number[]): string {
  const [middle, high, worst] = [median(gaps), percentile(gaps, 0.99), Math.max(...gaps)].map((ms) => ms.toFixed(0));
  return `median ${middle} ms, p99 ${high} ms, worst ${worst} ms, ${KILLS} kills`;
}

async function gapsOf(system: System): Promise<readonly number[]> {
  const cluster = await system.start();
  const gaps: number[] = [];
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const leader = await cluster.leaderAt();
      await Bun.sleep(500);
      const alive = cluster.urls.filter((_, at) => at !== leader);
      const killed = cluster.kill(leader);
      const at = performance.now();
      for (let tries = 0; !(await system.put(alive[tries % 2] ?? "")); tries += 1) await Bun.sleep(2);
      gaps.push(performance.now() - at);
      await killed;
      await cluster.restart(leader);
    }
  } finally {
    await cluster.stop();
  }
  return gaps;
}

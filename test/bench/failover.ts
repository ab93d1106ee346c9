import { createNamespaces, whyNoNamespaces } from "../e2e/three-namespaces.ts";
import { median, percentile, record, say, type Bench } from "./bench.ts";
import { etcdSystem, konsulSystem, leaderSeenBy, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";

const KILLS = Number(process.env["KILLS"] ?? 30);
const VANISHINGS = Number(process.env["VANISHINGS"] ?? 15);
const CALM_MS = 500;

/** Time without successful writes after the leader is gone, at default settings. */
export const failover: Bench = {
  name: "failover",
  summary:
    "time without successful writes after SIGKILL of the leader of three, etcd's beside it, and after its host vanished " +
    "without a reset; KILLS=30 VANISHINGS=15",
  run: async () => {
    const own = await gapsOf(konsulSystem);
    say(`failover: konsul ${figures(own)} (aims: median 300 ms, p99 1000 ms)`);
    const hasEtcd = missingTools(["etcd"]).length === 0;
    const other = hasEtcd ? await gapsOf(etcdSystem) : [];
    say(hasEtcd ? `failover: etcd ${figures(other)}` : "failover: the comparison is SKIPPED, there is no etcd");
    const missing = whyNoNamespaces();
    const vanished = missing === undefined ? await gapsOfVanishings() : [];
    if (missing === undefined) say(`failover: its host vanished: ${figures(vanished)} (aim: median 2500 ms)`);
    else say(`failover: hosts that vanish are SKIPPED: ${missing}`);
    record("failover", {
      kills: KILLS,
      konsul: median(own),
      etcd: median(other),
      konsulWorst: Math.max(...own),
      vanished: median(vanished),
      vanishedWorst: Math.max(...vanished),
    });
  },
};

const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99];

function figures(gaps: readonly number[]): string {
  const shares = SHARES.map((share) => `p${share * 100} ${percentile(gaps, share).toFixed(0)}`);
  return `${shares.join(", ")}, worst ${Math.max(...gaps).toFixed(0)} ms, of ${gaps.length}`;
}

async function gapsOf(system: System): Promise<readonly number[]> {
  const cluster = await system.start();
  const gaps: number[] = [];
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const leader = await cluster.leaderAt();
      await Bun.sleep(CALM_MS);
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

/** Each node is a host of its own, whose cable is pulled. */
async function gapsOfVanishings(): Promise<readonly number[]> {
  const network = createNamespaces([]);
  const gaps: number[] = [];
  try {
    for (let round = 0; round < VANISHINGS; round += 1) {
      let leader: number | undefined;
      while (leader === undefined) {
        await Bun.sleep(50);
        leader = await leaderSeenBy(network.urls).catch(() => undefined);
      }
      await Bun.sleep(CALM_MS);
      const alive = network.urls.filter((_, at) => at !== leader);
      network.unplug(leader);
      const at = performance.now();
      for (let tries = 0; !(await isTaken(alive[tries % 2] ?? "")); tries += 1) await Bun.sleep(5);
      gaps.push(performance.now() - at);
      network.heal();
    }
  } finally {
    await network.remove();
  }
  return gaps;
}

/** The node that was asked took the write itself: a redirect may lead to the host that is gone. */
async function isTaken(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(1000);
  const answer = await fetch(`${url}/kv/k`, { method: "PUT", body: "v", redirect: "manual", signal }).catch(
    () => undefined,
  );
  return answer?.status === 200;
}

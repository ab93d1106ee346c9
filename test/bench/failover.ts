import { createNamespaces, whyNoNamespaces } from "../e2e/three-namespaces.ts";
import { median, percentile, say, type Bench } from "./bench.ts";
import { whenCutShort } from "./cut.ts";
import { firstSuccess } from "./first-success.ts";
import { record } from "./history.ts";
import { setting } from "./options.ts";
import { etcdSystem, konsulSystem, leaderSeenBy, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";

const KILLS = setting("KILLS", 30);
const VANISHINGS = setting("VANISHINGS", 15, 0);
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
    const vanished = missing === undefined && VANISHINGS > 0 ? await gapsOfVanishings() : [];
    if (vanished.length > 0) say(`failover: its host vanished: ${figures(vanished)} (aim: median 2500 ms)`);
    else if (missing !== undefined) say(`failover: hosts that vanish are SKIPPED: ${missing}`);
    record("failover", {
      kills: KILLS,
      konsul: median(own),
      etcd: median(other),
      konsulWorst: Math.max(...own),
      overEtcd: median(own) / median(other),
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
      gaps.push(await firstSuccess(async (tries) => system.put(alive[tries % 2] ?? "")));
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
  const wasRemoved = whenCutShort(async () => network.remove());
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
      gaps.push(await firstSuccess(async (tries) => isTaken(alive[tries % 2] ?? "")));
      network.heal();
    }
  } finally {
    wasRemoved();
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

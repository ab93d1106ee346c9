import { readFileSync } from "node:fs";
import { median, say, spread, type Bench } from "./bench.ts";
import { cpuOf } from "./cpu.ts";
import { record } from "./history.ts";
import { loadKeys } from "./load-keys.ts";
import { rounds, seconds, setting } from "./options.ts";
import type { Running } from "./running.ts";
import { etcdSystem, konsulSystem, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { wrk } from "./wrk.ts";

const KEYS = setting("KEYS", 1_000_000);
/** Key and value of each write of the load. */
const WRITE_BYTES = 106;

/** What is measured, and whether less than etcd's is meant to be reached. */
const FIGURES = {
  "memory of the leader per million keys, MB": true,
  "memory of the leader's process with these keys, MB": false,
  "disk written per acknowledged byte, 64 clients": true,
  "disk written per acknowledged byte, one client": false,
  "restart of a follower right after it got these keys, ms": true,
  "CPU of that restart, ms": false,
} as const;
type Figure = keyof typeof FIGURES;
type DiskFigure = Extract<Figure, `disk ${string}`>;

/** Of each figure, what the rounds found; memory is taken once, as the keys are loaded once. */
type Footprint = Readonly<Record<Figure, readonly number[]>>;

/** What a cluster costs in memory and disk, and how long a node with many keys takes to come back. */
export const footprint: Bench = {
  name: "footprint",
  summary: "memory per million keys, disk written per acknowledged byte, restart time, beside etcd's; KEYS=1000000",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("footprint: SKIPPED, there is no wrk");
    const own = await measure(konsulSystem);
    const hasEtcd = missingTools(["etcd"]).length === 0;
    if (!hasEtcd) say("footprint: the comparison is SKIPPED, there is no etcd");
    const other = hasEtcd ? await measure(etcdSystem) : undefined;
    say(`footprint: three nodes, ${KEYS} keys of 20 bytes, values of 100`);
    const line: Record<string, unknown> = { keys: KEYS, rounds: rounds(), seconds: seconds() };
    for (const [name, hasAim] of Object.entries(FIGURES)) {
      const [mine, theirs] = [valuesOf(own, name), valuesOf(other, name)];
      const ratio = median(mine) / median(theirs);
      line[name] = { konsul: median(mine), etcd: median(theirs), ratio };
      const verdict = hasAim && hasEtcd ? ` (aim < 1: ${ratio < 1 ? "met" : "NOT met"})` : "";
      const beside = hasEtcd ? `, etcd ${spread(theirs)}, ratio ${ratio.toFixed(2)}${verdict}` : "";
      say(`${name.padEnd(56)} konsul ${spread(mine)}${beside}`);
    }
    record("footprint", line);
  },
};

function valuesOf(found: Footprint | undefined, name: string): readonly number[] {
  return new Map<string, readonly number[]>(Object.entries(found ?? {})).get(name) ?? [];
}

async function measure(system: System): Promise<Footprint> {
  return { ...(await onCluster(system, diskOf)), ...(await onCluster(system, memoryAndRestartsOf)) };
}

/** On new nodes. */
async function onCluster<T>(system: System, run: (system: System, cluster: Running) => Promise<T>): Promise<T> {
  const cluster = await system.start();
  try {
    return await run(system, cluster);
  } finally {
    await cluster.stop();
  }
}

async function diskOf(system: System, cluster: Running): Promise<Pick<Footprint, DiskFigure>> {
  const [of64, of1]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds(); round += 1) {
    of64.push(await writtenPerByte(system, cluster, 64));
    of1.push(await writtenPerByte(system, cluster, 1));
  }
  return {
    "disk written per acknowledged byte, 64 clients": of64,
    "disk written per acknowledged byte, one client": of1,
  };
}

async function memoryAndRestartsOf(system: System, cluster: Running): Promise<Omit<Footprint, DiskFigure>> {
  // What a process that has served takes without these keys is not theirs.
  await wrk(await cluster.leader(), system.write, { clients: 64, seconds: seconds() });
  const leader = await cluster.leaderAt();
  const before = memoryOf(cluster.pidOf(leader));
  await loadKeys(system, cluster.urls[leader] ?? "", KEYS);
  // What the load left behind is collected when there is a little time.
  await Bun.sleep(3000);
  const after = memoryOf(cluster.pidOf(leader));
  const restarts = await restartsOf(cluster);
  return {
    "memory of the leader per million keys, MB": [(after - before) / KEYS],
    "memory of the leader's process with these keys, MB": [after / 1e6],
    "restart of a follower right after it got these keys, ms": restarts.map(({ ms }) => ms),
    "CPU of that restart, ms": restarts.map(({ cpuMs }) => cpuMs),
  };
}

async function restartsOf(cluster: Running): Promise<readonly { readonly ms: number; readonly cpuMs: number }[]> {
  const restarts: { readonly ms: number; readonly cpuMs: number }[] = [];
  for (let round = 0; round < rounds(); round += 1) {
    const follower = ((await cluster.leaderAt()) + 1) % 3;
    await cluster.kill(follower);
    const at = performance.now();
    await cluster.restart(follower);
    restarts.push({ ms: performance.now() - at, cpuMs: cpuOf(cluster.pidOf(follower)) * 1000 });
  }
  return restarts;
}

/** By all three nodes together. */
async function writtenPerByte(system: System, cluster: Running, clients: number): Promise<number> {
  const before = diskWritten(cluster);
  const { requests, failures } = await wrk(await cluster.leader(), system.write, { clients, seconds: seconds() });
  return (diskWritten(cluster) - before) / ((requests - failures) * WRITE_BYTES);
}

function diskWritten(cluster: Running): number {
  return [0, 1, 2].reduce((sum, at) => {
    const text = readFileSync(`/proc/${cluster.pidOf(at)}/io`, "utf8");
    return sum + Number(/^write_bytes: (\d+)$/m.exec(text)?.[1] ?? NaN);
  }, 0);
}

/** Resident bytes. */
function memoryOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? NaN) * 1024;
}

import { readFileSync } from "node:fs";
import { median, record, say, type Bench } from "./bench.ts";
import { cpuOf } from "./cpu.ts";
import { loadKeys } from "./load-keys.ts";
import { rounds, seconds } from "./options.ts";
import { etcdSystem, konsulSystem, type Running, type System } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { wrk } from "./wrk.ts";

const KEYS = Number(process.env["KEYS"] ?? 1_000_000);
/** Key and value of each write of the load. */
const WRITE_BYTES = 106;

interface Footprint {
  readonly "memory of the leader per million keys, MB": number;
  readonly "disk written per acknowledged byte, 64 clients": number;
  readonly "disk written per acknowledged byte, one client": number;
  readonly "restart of a follower right after it got these keys, ms": number;
  readonly "CPU of that restart, ms": number;
}

/** What a cluster costs in memory and disk, and how long a node with many keys takes to come back. */
export const footprint: Bench = {
  name: "footprint",
  summary: "memory per million keys, disk written per acknowledged byte, restart time, beside etcd's; KEYS=1000000",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("footprint: SKIPPED, there is no wrk");
    const own = await measure(konsulSystem);
    const hasEtcd = missingTools(["etcd"]).length === 0;
    if (!hasEtcd) say("footprint: the comparison is SKIPPED, there is no etcd");
    const other = hasEtcd ? new Map(Object.entries(await measure(etcdSystem))) : new Map<string, number>();
    say(`footprint: three nodes, ${KEYS} keys of 20 bytes, values of 100`);
    const line: Record<string, unknown> = { keys: KEYS };
    for (const [name, value] of Object.entries(own)) {
      const peer = other.get(name) ?? NaN;
      line[name] = { konsul: value, etcd: peer, ratio: value / peer };
      say(
        `${name.padEnd(56)} konsul ${short(value)}, etcd ${short(peer)}, ratio ${(value / peer).toFixed(2)} (aim < 1)`,
      );
    }
    record("footprint", line);
  },
};

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

async function measure(system: System): Promise<Footprint> {
  const cluster = await system.start();
  try {
    const written64 = await writtenPerByte(system, cluster, 64);
    const written1 = await writtenPerByte(system, cluster, 1);
    const leader = await cluster.leaderAt();
    const before = memoryOf(cluster.pidOf(leader));
    await loadKeys(system, cluster.urls[leader] ?? "", KEYS);
    // What the load left behind is collected when there is a little time.
    await Bun.sleep(3000);
    const memory = (memoryOf(cluster.pidOf(leader)) - before) / KEYS;
    const restarts = await restartsOf(cluster);
    return {
      "memory of the leader per million keys, MB": memory,
      "disk written per acknowledged byte, 64 clients": written64,
      "disk written per acknowledged byte, one client": written1,
      "restart of a follower right after it got these keys, ms": restarts.ms,
      "CPU of that restart, ms": restarts.cpuMs,
    };
  } finally {
    await cluster.stop();
  }
}

/** Medians. */
async function restartsOf(cluster: Running): Promise<{ readonly ms: number; readonly cpuMs: number }> {
  const [restarts, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds(); round += 1) {
    const follower = ((await cluster.leaderAt()) + 1) % 3;
    await cluster.kill(follower);
    const at = performance.now();
    await cluster.restart(follower);
    restarts.push(performance.now() - at);
    cpu.push(cpuOf(cluster.pidOf(follower)) * 1000);
  }
  return { ms: median(restarts), cpuMs: median(cpu) };
}

/** By all three nodes together. */
async function writtenPerByte(system: System, cluster: Running, clients: number): Promise<number> {
  const before = diskWritten(cluster);
  const { requests } = await wrk(await cluster.leader(), system.write, { clients, seconds: seconds() });
  return (diskWritten(cluster) - before) / (requests * WRITE_BYTES);
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

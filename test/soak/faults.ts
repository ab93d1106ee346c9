import { join } from "node:path";
import type { Prng } from "../../src/base/index.ts";
import { KONSUL } from "../e2e/agent-process.ts";
import type { SoakCluster } from "./cluster.ts";
import { send } from "./request.ts";
import type { SoakNode } from "./soak-node.ts";
import type { Tally } from "./tally.ts";

export interface Fault {
  readonly name: string;
  /** Puts things right; everything else is waited for afterwards. */
  readonly heal: () => Promise<void> | void;
}

export interface FaultOptions {
  readonly cluster: SoakCluster;
  readonly prng: Prng;
  readonly tally: Tally;
}

const NONE = (): void => undefined;
const LEADER_SHARE = 0.4;
/** Looked at once a second. */
const DEAD_TRIES_MAX = 240;
/** Twice a second; a cluster that is not whole after it is a violation of its own. */
const PROMOTE_TRIES_MAX = 240;

export const FAULTS: readonly ((options: FaultOptions) => Promise<Fault>)[] = [
  kill,
  kill,
  restart,
  stop,
  stop,
  cutOff,
  cutOff,
  split,
  fullDisk,
  fullDisk,
  snapshots,
  backup,
  handOver,
  demoteAndPromote,
  leaveAndRejoin,
  loseDisk,
  dieForGood,
];

async function victim(
  { cluster, prng }: FaultOptions,
  may: (node: SoakNode) => boolean = () => true,
): Promise<SoakNode> {
  const leader = prng.chance(LEADER_SHARE) ? await cluster.leader() : undefined;
  if (leader !== undefined && may(leader)) return leader;
  return prng.pick(cluster.nodes.filter(may));
}

const isMortal = ({ options }: SoakNode): boolean => !options.isVeteran;

async function kill(options: FaultOptions): Promise<Fault> {
  const node = await victim(options, isMortal);
  await node.end("SIGKILL");
  return { name: `SIGKILL ${node.options.id}`, heal: () => node.start() };
}

async function restart(options: FaultOptions): Promise<Fault> {
  const node = await victim(options, isMortal);
  const code = await node.end("SIGTERM");
  if (code !== 0) options.tally.violation(`${node.options.id} ended with ${code} after SIGTERM`);
  return { name: `SIGTERM ${node.options.id}`, heal: () => node.start() };
}

async function stop(options: FaultOptions): Promise<Fault> {
  const node = await victim(options);
  node.signal("SIGSTOP");
  return { name: `SIGSTOP ${node.options.id}`, heal: () => node.signal("SIGCONT") };
}

/** One node hears nobody, is heard by nobody, or both; or two nodes do not hear each other. */
async function cutOff(options: FaultOptions): Promise<Fault> {
  const { cluster, prng } = options;
  const { nodes, network } = cluster;
  const at = nodes.indexOf(await victim(options));
  const kind = prng.pick(["isolated", "isolated", "deaf", "mute", "bridge"] as const);
  const others = nodes.map((_, other) => other).filter((other) => other !== at);
  for (const other of kind === "bridge" ? [prng.pick(others)] : others) {
    if (kind !== "deaf") network.cut(at, other);
    if (kind !== "mute") network.cut(other, at);
  }
  return { name: `${kind} node-${at}`, heal: () => network.heal() };
}

/** Two of five on one side; half the time the leader is one of them. */
async function split(options: FaultOptions): Promise<Fault> {
  const { cluster, prng } = options;
  const first = cluster.nodes.indexOf(await victim(options));
  const second = prng.pick(cluster.nodes.map((_, at) => at).filter((at) => at !== first));
  for (const inside of [first, second]) {
    for (const outside of cluster.nodes.keys()) {
      if (outside === first || outside === second) continue;
      cluster.network.cut(inside, outside);
      cluster.network.cut(outside, inside);
    }
  }
  return { name: `split node-${first} and node-${second}`, heal: () => cluster.network.heal() };
}

async function fullDisk(options: FaultOptions): Promise<Fault> {
  const node = await victim(options, (one) => one.options.hasSmallDisk);
  node.fill();
  return { name: `full disk ${node.options.id}`, heal: () => node.free() };
}

async function snapshots({ cluster }: FaultOptions): Promise<Fault> {
  await Promise.all(cluster.urls.map(async (url) => send(url, "POST /cluster/snapshot?local")));
  return { name: "snapshot on every node", heal: NONE };
}

async function backup({ cluster, prng, tally }: FaultOptions): Promise<Fault> {
  const file = join(cluster.folder, `backup-${prng.next()}`);
  const url = prng.pick(cluster.urls);
  const run = async (...words: readonly string[]): Promise<number> =>
    Bun.spawn([KONSUL, "snapshot", ...words], { stdio: ["ignore", "ignore", "inherit"] }).exited;
  const isSaved = (await run("save", file, `--http-addr=${url}`)) === 0;
  if (isSaved && (await run("inspect", file)) !== 0) tally.violation(`the backup ${file} is damaged`);
  tally.note(isSaved ? "backups saved and inspected" : "backups refused");
  return { name: "backup", heal: async () => Bun.file(file).delete().catch(NONE) };
}

async function handOver({ cluster, prng }: FaultOptions): Promise<Fault> {
  await send(prng.pick(cluster.urls), "POST /cluster/transfer", { timeoutMs: 12_000 });
  return { name: "leadership handed over", heal: NONE };
}

async function demoteAndPromote(options: FaultOptions): Promise<Fault> {
  const { cluster, prng, tally } = options;
  const { id } = (await victim(options)).options;
  const first = await send(prng.pick(cluster.urls), `POST /cluster/demote/${id}`, { timeoutMs: 12_000 });
  tally.note(first.status === 200 ? "voters demoted" : "demotions refused");
  return {
    name: `demoted ${id}`,
    heal: async () => {
      for (let tries = 0; tries < PROMOTE_TRIES_MAX; tries += 1) {
        const { status } = await send(prng.pick(cluster.urls), `POST /cluster/promote/${id}`, { timeoutMs: 12_000 });
        if (status === 200) return;
        await Bun.sleep(500);
      }
    },
  };
}

async function leaveAndRejoin(options: FaultOptions): Promise<Fault> {
  const { cluster, prng, tally } = options;
  const node = await victim(options, isMortal);
  const { id } = node.options;
  const others = cluster.nodes.filter((one) => one !== node).map(({ url }) => url);
  const left = await send(prng.pick(others), `DELETE /cluster/leave/${id}`, { timeoutMs: 12_000 });
  tally.note(left.status === 200 ? "nodes removed on request" : "removals refused");
  await node.end("SIGKILL");
  node.wipe();
  return { name: `${id} left`, heal: () => node.start() };
}

async function loseDisk(options: FaultOptions): Promise<Fault> {
  const node = await victim(options, isMortal);
  await node.end("SIGKILL");
  node.wipe();
  return { name: `${node.options.id} lost its disk`, heal: () => node.start() };
}

/** Dead until autopilot has removed it. */
async function dieForGood(options: FaultOptions): Promise<Fault> {
  const { cluster, tally } = options;
  const node = await victim(options, isMortal);
  const { id } = node.options;
  await node.end("SIGKILL");
  const veteran = cluster.nodes.find((one) => one.options.isVeteran);
  for (let tries = 0; tries < DEAD_TRIES_MAX && veteran !== undefined; tries += 1) {
    const status = await cluster.status(veteran);
    if (status !== undefined && !status.members.includes(id)) {
      tally.note("dead servers removed by autopilot");
      node.wipe();
      return { name: `${id} died for good`, heal: () => node.start() };
    }
    await Bun.sleep(1000);
  }
  tally.violation(`autopilot did not remove ${id}, which was dead for ${DEAD_TRIES_MAX} seconds`);
  return { name: `${id} died for good`, heal: () => node.start() };
}

import { createPrng, type Prng } from "../../../src/base/index.ts";
import { Marks } from "../../sim/marks.ts";
import { Network } from "../../sim/network/network.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import { Trace } from "../../sim/trace.ts";
import { encodeWrite } from "../../sim/workload/command.ts";
import { BootHost, type BootProcess } from "./boot-host.ts";
import type { BootStage, Folder } from "./boot-stage.ts";

const NETWORK = {
  latencyMsMin: 0.5,
  latencyMsMax: 2,
  lossChance: 0,
  duplicateChance: 0,
  reorderChance: 0,
  reorderMsMax: 5,
  holdChance: 0,
  ghostChance: 0,
  dialEveryMs: 200,
  keepAliveMs: 5000,
  chunkBytes: 8192,
  chunkMs: 1,
  stallMs: 5000,
  isEncoded: false,
};
/** What every cluster of the matrix was told to remember. */
const KEY = 7;
const STEP_MS = 250;

/** Three machines that form a cluster, or find the one that they belong to: real forming and real Raft, simulated time. */
export class BootWorld implements BootStage {
  readonly scheduler = new Scheduler();
  readonly random: Prng;
  readonly network: Network;
  readonly hosts: readonly BootHost[];
  /** Clusters that were made while a folder with data was there. */
  readonly careless: string[] = [];
  /** The most cluster ids that were alive at one moment. */
  idsMax = 0;
  created = 0;
  #minted = 0;

  constructor(seed: number) {
    this.random = createPrng(seed);
    const world = { scheduler: this.scheduler, trace: new Trace(), marks: new Marks() };
    this.network = new Network(world, NETWORK, this.random.fork(), (number) => {
      const process = this.hosts[number]?.process;
      if (process === undefined) return "refused";
      return process.transport ?? "silent";
    });
    this.hosts = [0, 1, 2].map((number) => new BootHost(this, number));
  }

  mint(): string {
    this.#minted += 1;
    return (
      this.random
        .between(1, 2 ** 31)
        .toString(16)
        .padStart(8, "0") + this.#minted.toString(16).padStart(8, "0")
    );
  }

  /** Cluster ids of those that run and belong to one. */
  liveIds(): readonly string[] {
    return [...new Set(this.hosts.flatMap(({ process }) => process?.identity?.clusterId ?? []))];
  }

  onIdentity(): void {
    this.idsMax = Math.max(this.idsMax, this.liveIds().length);
  }

  processAt(number: number): BootProcess | undefined {
    return this.hosts[number]?.process;
  }

  onCreate(number: number): void {
    this.created += 1;
    for (const other of this.hosts) {
      if (other.folder.record !== "") this.careless.push(`n${number} although n${other.number} has data`);
    }
  }

  /** Everybody is a voter of one cluster. */
  isWhole(): boolean {
    return (
      this.liveIds().length === 1 &&
      this.hosts.every(({ process }) => {
        const core = process?.node?.status().core;
        return core?.leader !== undefined && core.membership.voters.length === 3;
      })
    );
  }

  /** Lets time pass until it is so, or is over; whether it is so. */
  runUntil(forMs: number, isSo: () => boolean): boolean {
    const until = this.scheduler.now + forMs;
    while (!isSo() && this.scheduler.now < until) this.scheduler.run(this.scheduler.now + STEP_MS, () => false);
    return isSo();
  }

  /** Writes what must not get lost, through the leader. */
  write(value: number): boolean {
    for (const { process } of this.hosts) {
      if (process?.node?.status().core.role !== "leader") continue;
      process.node.propose(encodeWrite({ kind: "put", key: KEY, value }), this.scheduler.now + 5000, () => undefined);
    }
    return this.runUntil(5000, () => this.hosts.every(({ number }) => this.readAt(number) === value));
  }

  readAt(number: number): number | undefined {
    return this.hosts[number]?.process?.machine.readKey(KEY)?.value;
  }
}

/** Folders of a cluster of three that holds a value; made once, and copied for each use. */
export function formedFolders(value: number): readonly Folder[] {
  const world = new BootWorld(1);
  for (const host of world.hosts) {
    host.orders = { isBootstrap: false, expect: 3, joinAddresses: world.hosts.map(({ address }) => address) };
    host.start();
  }
  if (!world.runUntil(120_000, () => world.isWhole()) || !world.write(value)) throw new Error("no cluster was formed");
  world.runUntil(2000, () => false);
  for (const host of world.hosts) host.kill();
  return world.hosts.map(({ folder }) => folder);
}

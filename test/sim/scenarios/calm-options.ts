import type { SwarmOptions } from "../swarm.ts";

/** What a scene may say of its world; everything else is quiet and the same for all. */
export interface SceneSetup {
  readonly seed?: number;
  /** Machines; the first `voters` of them found the cluster. */
  readonly hosts: number;
  readonly voters: number;
  readonly electionMs?: number;
  readonly options?: Partial<Pick<SwarmOptions, "network" | "disk" | "isDear" | "machine" | "workload" | "raftLimits">>;
}

export const CALM_NETWORK: SwarmOptions["network"] = {
  latencyMsMin: 1,
  latencyMsMax: 1.5,
  lossChance: 0,
  duplicateChance: 0,
  reorderChance: 0,
  reorderMsMax: 0,
  holdChance: 0,
  ghostChance: 0,
  dialEveryMs: 20,
  keepAliveMs: 5000,
  chunkBytes: 512,
  chunkMs: 0,
  stallMs: 2000,
  isEncoded: false,
};

export const CALM_DISK: SwarmOptions["disk"] = {
  syncMsMin: 1,
  syncMsMax: 2,
  slowSyncChance: 0,
  slowSyncMs: 0,
  readMs: 1,
  keepUnsyncedChance: 0,
};

/** A world in which nothing goes wrong by itself: what happens is what the scene does. */
export function calmOptions({ seed = 1, hosts, voters, electionMs = 1000, options = {} }: SceneSetup): SwarmOptions {
  return {
    seed,
    hostCount: hosts,
    voterCount: voters,
    horizonMs: 1,
    timing: { heartbeatTimeoutMs: electionMs, electionTimeoutMs: electionMs, leaderLeaseTimeoutMs: electionMs / 2 },
    raftLimits: {
      inflightCountMax: 64,
      inflightBytesMax: 1 << 20,
      messageBytesMax: 1 << 16,
      unappliedBytesMax: 1 << 20,
      cacheBytesMax: 1 << 20,
      snapshotSendsMax: 2,
    },
    snapshotPolicy: {
      intervalMs: 1e9,
      thresholdEntries: 1e9,
      thresholdBytes: 1e12,
      trailingEntries: 0,
      trailingBytes: 1e12,
      trimStepEntries: 512,
    },
    network: CALM_NETWORK,
    disk: CALM_DISK,
    workload: {
      clientCount: 0,
      thinkMsMin: 1,
      thinkMsMax: 2,
      keyCount: 1,
      readShare: 0,
      casShare: 0,
      deadlineMs: 60_000,
      strayChance: 0,
    },
    driftMax: 0,
    lateTickChance: 0,
    lateTickMsMax: 0,
    operatorEveryMs: 100,
    jointChance: 0,
    faultRates: new Map(),
    machine: "tiny",
    isDear: true,
    ...options,
  };
}

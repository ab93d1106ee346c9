import { createPrng, type Prng } from "../../src/base/index.ts";
import type { RaftLimits, RaftTiming } from "../../src/raft/index.ts";
import type { SnapshotPolicy } from "../../src/node/index.ts";
import { FAULT_CLASSES, LATER_FAULT_CLASSES, type FaultClass } from "./faults/fault.ts";

export interface NetworkOptions {
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly reorderChance: number;
  readonly reorderMsMax: number;
  /** Messages into a cut link wait there for its end, as TCP does, instead of vanishing. */
  readonly holdChance: number;
  /** Messages of a closed connection that arrive all the same. */
  readonly ghostChance: number;
  readonly dialEveryMs: number;
  /** A connection whose other end fell silent is given up after this long. */
  readonly keepAliveMs: number;
  readonly chunkBytes: number;
  readonly chunkMs: number;
  readonly stallMs: number;
  /** Messages are really encoded and decoded. */
  readonly isEncoded: boolean;
}

export interface DiskOptions {
  readonly syncMsMin: number;
  readonly syncMsMax: number;
  readonly slowSyncChance: number;
  readonly slowSyncMs: number;
  readonly readMs: number;
  /** An unsynced transaction is found after a crash. */
  readonly keepUnsyncedChance: number;
}

export interface WorkloadOptions {
  readonly clientCount: number;
  readonly thinkMsMin: number;
  readonly thinkMsMax: number;
  readonly keyCount: number;
  readonly readShare: number;
  readonly casShare: number;
  readonly deadlineMs: number;
  /** Clients ask the node that they last knew as leader, or any. */
  readonly strayChance: number;
}

/** Everything that a run is made of; drawn from the seed alone. */
export interface SwarmOptions {
  readonly seed: number;
  readonly hostCount: number;
  readonly voterCount: number;
  readonly horizonMs: number;
  readonly timing: RaftTiming;
  readonly raftLimits: RaftLimits;
  readonly snapshotPolicy: SnapshotPolicy;
  readonly network: NetworkOptions;
  readonly disk: DiskOptions;
  readonly workload: WorkloadOptions;
  /** Clock rates differ from 1 by at most this much. */
  readonly driftMax: number;
  readonly lateTickChance: number;
  readonly lateTickMsMax: number;
  readonly operatorEveryMs: number;
  /** Chance that the operator asks for several changes at once. */
  readonly jointChance: number;
  /** Faults per simulated second, by class; a class that is missing does not occur. */
  readonly faultRates: ReadonlyMap<FaultClass, number>;
  /** `full`: with all that stands above the node, and its clients. */
  readonly machine: "tiny" | "konsul" | "full";
  /** Dear checks after every event instead of now and then. */
  readonly isDear: boolean;
}

/** What a caller may fix instead of leaving it to the seed. */
export interface SwarmLimits {
  readonly horizonMs?: number;
  readonly machine?: SwarmOptions["machine"];
}

const LIMITS_SMALL: RaftLimits = {
  inflightCountMax: 2,
  inflightBytesMax: 1024,
  messageBytesMax: 256,
  unappliedBytesMax: 8192,
  cacheBytesMax: 2048,
  snapshotSendsMax: 2,
};
const LIMITS_LARGE: RaftLimits = {
  inflightCountMax: 64,
  inflightBytesMax: 1 << 20,
  messageBytesMax: 1 << 16,
  unappliedBytesMax: 1 << 20,
  cacheBytesMax: 1 << 20,
  snapshotSendsMax: 2,
};

/** No log gets there. Not Infinity: a run as a word is JSON, which has none. */
const UNLIMITED_BYTES = 1e12;

/** Draws all parameters of a run from its seed. */
export function drawSwarm(seed: number, limits: SwarmLimits = {}): SwarmOptions {
  const random = createPrng(seed);
  const thresholdBytes = drawThresholdBytes(createPrng(seed * 104_729 + 5));
  const voterCount = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
  const spareCount = random.pick([0, 0, 1, 1, 2]);
  const heartbeatTimeoutMs = random.pick([300, 300, 500, 1000]);
  const timing: RaftTiming = {
    heartbeatTimeoutMs,
    electionTimeoutMs: heartbeatTimeoutMs * random.pick([1, 1, 2]),
    leaderLeaseTimeoutMs: heartbeatTimeoutMs * random.pick([0.5, 1]),
  };
  return {
    seed,
    hostCount: Math.min(8, voterCount + spareCount),
    voterCount,
    horizonMs: limits.horizonMs ?? 60_000,
    timing,
    raftLimits: random.chance(0.3) ? LIMITS_SMALL : LIMITS_LARGE,
    snapshotPolicy: {
      intervalMs: random.pick([300, 1000, 5000, 20_000]),
      thresholdEntries: random.pick([5, 20, 50, 200]),
      thresholdBytes,
      trailingEntries: random.pick([0, 5, 20, 100]),
      trailingBytes: 2 * thresholdBytes,
      trimStepEntries: thresholdBytes === UNLIMITED_BYTES ? 512 : 3,
    },
    network: drawNetwork(random.fork()),
    disk: drawDisk(random.fork()),
    workload: drawWorkload(random.fork(), timing),
    driftMax: random.pick([0, 0.01, 0.05]),
    lateTickChance: random.pick([0, 0, 0.01, 0.1]),
    lateTickMsMax: random.pick([10, 100, 400]),
    operatorEveryMs: random.pick([100, 250, 1000]),
    jointChance: random.pick([0, 0.3, 0.8]),
    faultRates: new Map([...drawFaults(random.fork()), ...drawLaterFaults(createPrng(seed * 104_729 + 3))]),
    machine: drawMachine(seed, random.chance(0.1), limits),
    isDear: random.chance(0.01),
  };
}

function drawMachine(seed: number, isKonsul: boolean, { machine }: SwarmLimits): SwarmOptions["machine"] {
  return machine ?? (isKonsul ? (seed % 2 === 0 ? "full" : "konsul") : "tiny");
}

function drawThresholdBytes(random: Prng): number {
  return random.chance(0.1) ? random.pick([100, 1000, 10_000]) : UNLIMITED_BYTES;
}

function drawNetwork(random: Prng): NetworkOptions {
  const latencyMsMin = random.pick([0.1, 0.5, 2]);
  const isRough = random.chance(0.5);
  return {
    latencyMsMin,
    latencyMsMax: latencyMsMin * random.pick([1.5, 4, 15]),
    lossChance: isRough ? random.pick([0, 0.01, 0.05, 0.2]) : 0,
    duplicateChance: isRough ? random.pick([0, 0.01, 0.1]) : 0,
    reorderChance: isRough ? random.pick([0, 0.01, 0.1]) : 0,
    reorderMsMax: random.pick([5, 50, 1000]),
    holdChance: random.pick([0, 0.5, 1]),
    ghostChance: random.pick([0, 0, 0.2]),
    dialEveryMs: random.pick([20, 100, 400]),
    keepAliveMs: random.pick([1000, 3000, 10_000]),
    chunkBytes: random.pick([64, 512, 8192]),
    chunkMs: random.pick([0, 1, 20]),
    stallMs: random.pick([500, 2000, 5000]),
    isEncoded: random.chance(0.1),
  };
}

function drawDisk(random: Prng): DiskOptions {
  const syncMsMin = random.pick([0.05, 0.5, 2]);
  return {
    syncMsMin,
    syncMsMax: syncMsMin * random.pick([1.5, 5, 20]),
    slowSyncChance: random.pick([0, 0, 0.01, 0.05]),
    slowSyncMs: random.pick([50, 200, 1000]),
    readMs: random.pick([0.1, 2, 20]),
    keepUnsyncedChance: random.pick([0, 0.5, 1]),
  };
}

function drawWorkload(random: Prng, timing: RaftTiming): WorkloadOptions {
  const thinkMsMin = random.pick([2, 20, 100]);
  return {
    clientCount: random.pick([1, 2, 4, 6]),
    thinkMsMin,
    thinkMsMax: thinkMsMin * random.pick([2, 10, 40]),
    keyCount: random.pick([1, 3, 8]),
    readShare: random.pick([0.1, 0.4, 0.7]),
    casShare: random.pick([0, 0.2, 0.5]),
    deadlineMs: timing.electionTimeoutMs * random.pick([1, 4, 10]),
    strayChance: random.pick([0, 0.1, 0.5]),
  };
}

/** Each run has some classes of faults at some rate: a run with everything at once hides what one alone would show. */
function drawFaults(random: Prng): ReadonlyMap<FaultClass, number> {
  const rates = new Map<FaultClass, number>();
  const intensity = random.pick([0.05, 0.2, 0.5]);
  const share = random.pick([0.2, 0.5, 1]);
  for (const name of FAULT_CLASSES) {
    const isOn = random.chance(share);
    const rate = intensity * random.pick([0.2, 0.5, 1]);
    if (isOn) rates.set(name, rate);
  }
  return rates;
}

/** Rare: each of them costs the cluster a disk for a while. */
function drawLaterFaults(random: Prng): ReadonlyMap<FaultClass, number> {
  const rates = new Map<FaultClass, number>();
  for (const name of LATER_FAULT_CLASSES) if (random.chance(0.4)) rates.set(name, random.pick([0.1, 0.3, 0.6]));
  return rates;
}

import { createPrng, type Prng } from "../../../src/base/index.ts";
import type { RaftLimits } from "../../../src/raft/index.ts";
import type { Fault } from "../faults/fault.ts";
import type { SwarmOptions } from "../swarm.ts";
import { FIRST_NEMESES, type NemesisName } from "./nemesis.ts";

/** A run and what goes wrong in it. */
interface Plan {
  readonly options: SwarmOptions;
  readonly faults: readonly Fault[];
}

/** A few entries a message, and several messages on their way. */
const LIMITS_IN_PARTS: RaftLimits = {
  inflightCountMax: 8,
  inflightBytesMax: 1 << 16,
  messageBytesMax: 256,
  unappliedBytesMax: 1 << 16,
  cacheBytesMax: 1 << 14,
  snapshotSendsMax: 2,
};
/** The share of seeds that a nemesis visits. */
const SHARE = 0.4;
/** The first election is left alone. */
const CALM_MS = 1500;
/** The share of seeds with a rolling upgrade, and when it begins. */
const UPGRADE_SHARE = 0.08;
const UPGRADE_MS_MAX = 8000;

/**
 * Adds the nemeses of a seed, from a stream of their own: a seed without one means what it always meant. Half of the
 * runs have no other faults, as those rarely leave an attack of several steps its time.
 */
export function withNemeses({ options, faults }: Plan): Plan {
  const random = createPrng(options.seed * 6151 + 13);
  if (!random.chance(SHARE)) return { options, faults };
  const names = random.chance(0.7)
    ? [random.pick(FIRST_NEMESES)]
    : [random.pick(FIRST_NEMESES), random.pick(FIRST_NEMESES)];
  const others = random.chance(0.5) ? [] : faults;
  const gapMs = random.pick([1500, 3000, 6000]);
  const strikes: Fault[] = [];
  const last = options.horizonMs - 200 - random.float() * 2500;
  for (let at = CALM_MS + random.float() * gapMs; at < last; at += gapMs * (0.5 + random.float())) {
    strikes.push(strikeAt(at, random.pick(names), random));
  }
  // What nothing undoes any more must be undone by the cluster itself.
  strikes.push(strikeAt(last, random.pick(names), random));
  return {
    options: suited(options, names, random),
    faults: [...others, ...strikes].toSorted((a, b) => a.at - b.at),
  };
}

/** Adds the rolling upgrade of a seed that has one: two releases run at the same time for a while. */
export function withUpgrade({ options, faults }: Plan): Plan {
  const random = createPrng(options.seed * 9377 + 41);
  if (!random.chance(UPGRADE_SHARE)) return { options, faults };
  const strike = strikeAt(CALM_MS + random.float() * UPGRADE_MS_MAX, "rolling upgrade", random);
  return { options, faults: [...faults, strike].toSorted((a, b) => a.at - b.at) };
}

function strikeAt(at: number, name: NemesisName, random: Prng): Fault {
  return { at, body: { kind: "nemesis", name, salt: random.next() } };
}

function countsFor(names: readonly NemesisName[]): readonly number[] {
  if (names.includes("lonely change")) return [2, 2, 3, 4, 5];
  return names.includes("early reads") ? [1, 3, 3, 4, 5] : [3, 3, 4, 5];
}

/** Clusters and logs of a size at which the attack can succeed. */
function suited(options: SwarmOptions, names: readonly NemesisName[], random: Prng): SwarmOptions {
  const voterCount = random.pick(countsFor(names));
  const trailingEntries = random.pick([0, 0, 3, options.snapshotPolicy.trailingEntries]);
  // Many small messages instead of one that carries all: so there is a middle to be in.
  const isSmall = names.includes("slow follower") || random.chance(0.2);
  return {
    ...options,
    raftLimits: isSmall ? LIMITS_IN_PARTS : options.raftLimits,
    voterCount,
    hostCount: Math.max(voterCount, Math.min(options.hostCount, voterCount + 2)),
    snapshotPolicy: { ...options.snapshotPolicy, trailingEntries },
  };
}

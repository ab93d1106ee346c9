import { FAULT_CLASSES, LATER_FAULT_CLASSES } from "./faults/fault.ts";
import { runPlan, type Overrides } from "./run-seed.ts";

export interface Shrunk {
  readonly plan: Overrides;
  readonly runs: number;
}

const SHRINK_MS_MAX = 55_000;
/** A person can read so many. */
export const EVENTS_ENOUGH = 50;
const RESEEDS = 2;
const SEED_STEP = 1_000_003;
/** Operations of clients are thrown away in runs of at least so many before the faults are looked at one by one. */
const ASKS_AT_FIRST = 8;

/** What happens in a run from outside: faults, and operations of clients. */
export function countEvents({ faults, asks = [] }: Overrides): number {
  return faults.length + asks.length;
}

/**
 * Makes a failing run smaller while it breaks the same rule: fewer kinds of faults, a shorter run, fewer clients, a calmer
 * world, then operations and faults piece by piece.
 */
export function shrink(failing: Overrides, rule: string, elapsedMs: () => number): Shrunk {
  const search = new Search(failing, rule, elapsedMs);
  search.try((plan) => ({ ...plan, faults: [] }));
  for (const name of [...FAULT_CLASSES, ...LATER_FAULT_CLASSES]) {
    if (!search.plan.faults.some(({ body }) => body.kind === name)) continue;
    search.try((plan) => ({ ...plan, faults: plan.faults.filter(({ body }) => body.kind !== name) }));
  }
  for (const calmer of CALMER) search.try(calmer);
  search.dropAsks(ASKS_AT_FIRST);
  search.dropFaults(1);
  search.dropAsks(1);
  // What is left may be small only under other chances: the longer it takes, the more of them.
  for (search.reseeds = RESEEDS; countEvents(search.plan) > EVENTS_ENOUGH && search.isTimeLeft; search.reseeds *= 2) {
    search.dropAsks(1);
    search.dropFaults(1);
  }
  return { plan: search.plan, runs: search.runs };
}

/** The smallest run so far that breaks the rule. */
class Search {
  plan: Overrides;
  runs = 0;
  /** Other seeds that are tried for the world: whatever is left out shifts all chances of the rest. */
  reseeds = 0;
  readonly #rule: string;
  readonly #elapsedMs: () => number;

  constructor(failing: Overrides, rule: string, elapsedMs: () => number) {
    this.plan = failing;
    this.#rule = rule;
    this.#elapsedMs = elapsedMs;
    this.#attempt(failing);
  }

  try(alter: (plan: Overrides) => Overrides): void {
    this.#attempt(alter(this.plan));
  }

  dropAsks(sizeMin: number): void {
    this.#drop(
      () => this.plan.asks ?? [],
      (asks) => ({ ...this.plan, asks }),
      sizeMin,
    );
  }

  dropFaults(sizeMin: number): void {
    this.#drop(
      () => this.plan.faults,
      (faults) => ({ ...this.plan, faults }),
      sizeMin,
    );
  }

  /** Takes items away in ever smaller pieces. @see Zeller, ddmin */
  #drop<T>(current: () => readonly T[], planWith: (items: readonly T[]) => Overrides, sizeMin: number): void {
    let size = Math.ceil(current().length / 2);
    while (size >= sizeMin && this.isTimeLeft) {
      for (let at = 0; at < current().length && this.isTimeLeft;) {
        const items = current().filter((_, place) => place < at || place >= at + size);
        if (!this.#attempt(planWith(items))) at += size;
      }
      size = size === 1 ? 0 : Math.ceil(size / 2);
    }
  }

  get isTimeLeft(): boolean {
    return this.#elapsedMs() < SHRINK_MS_MAX;
  }

  #attempt(smaller: Overrides): boolean {
    for (let reseed = 0; reseed <= this.reseeds; reseed += 1) {
      const seed = smaller.options.seed + reseed * SEED_STEP;
      if (this.#play({ ...smaller, options: { ...smaller.options, seed } })) return true;
    }
    return false;
  }

  #play(smaller: Overrides): boolean {
    if (!this.isTimeLeft) return false;
    this.runs += 1;
    const { violation, asks } = runPlan(smaller);
    if (violation?.rule !== this.#rule) return false;
    const { options } = smaller;
    const horizonMs = Math.min(options.horizonMs, Math.max(1000, Math.ceil(violation.at)));
    this.plan = {
      options: { ...options, horizonMs },
      faults: smaller.faults.filter(({ at }) => at <= horizonMs),
      asks,
      // What was broken while faults were on need not be looked for behind them.
      isCutShort: smaller.isCutShort === true || violation.at <= options.horizonMs,
    };
    return true;
  }
}

function change(
  make: (options: Overrides["options"]) => Partial<Overrides["options"]>,
): (plan: Overrides) => Overrides {
  return (plan) => ({ ...plan, options: { ...plan.options, ...make(plan.options) } });
}

/** Simplifications of everything but the faults. */
const CALMER: readonly ((plan: Overrides) => Overrides)[] = [
  change((options) => ({ workload: { ...options.workload, clientCount: 0 } })),
  change((options) => ({ workload: { ...options.workload, clientCount: Math.min(1, options.workload.clientCount) } })),
  change((options) => ({ network: { ...options.network, lossChance: 0 } })),
  change((options) => ({ network: { ...options.network, duplicateChance: 0 } })),
  change((options) => ({ network: { ...options.network, reorderChance: 0 } })),
  change((options) => ({ network: { ...options.network, ghostChance: 0, isEncoded: false } })),
  change((options) => ({ network: { ...options.network, latencyMsMax: options.network.latencyMsMin * 1.1 } })),
  change(() => ({ lateTickChance: 0, driftMax: 0 })),
  change((options) => ({ disk: { ...options.disk, slowSyncChance: 0 } })),
  change((options) => ({ hostCount: options.voterCount })),
  change((options) => ({ hostCount: Math.min(3, options.hostCount), voterCount: Math.min(3, options.voterCount) })),
];

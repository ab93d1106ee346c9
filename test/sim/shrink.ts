import { FAULT_CLASSES, LATER_FAULT_CLASSES } from "./faults/fault.ts";
import { runPlan, type Overrides } from "./run-seed.ts";

export interface Shrunk {
  readonly plan: Overrides;
  readonly runs: number;
}

const SHRINK_MS_MAX = 55_000;

/** Makes a failing run smaller while it breaks the same rule: fewer kinds of faults, a shorter run, fewer clients, then fault by fault. */
export function shrink(failing: Overrides, rule: string, elapsedMs: () => number): Shrunk {
  let plan = failing;
  let runs = 0;
  const isTimeLeft = (): boolean => elapsedMs() < SHRINK_MS_MAX;
  const attempt = (smaller: Overrides): boolean => {
    if (!isTimeLeft()) return false;
    runs += 1;
    const { violation } = runPlan(smaller);
    if (violation?.rule !== rule) return false;
    const horizonMs = Math.min(smaller.options.horizonMs, Math.max(1000, Math.ceil(violation.at)));
    plan = { options: { ...smaller.options, horizonMs }, faults: smaller.faults.filter(({ at }) => at <= horizonMs) };
    return true;
  };
  attempt(failing);
  attempt(withoutFaults(plan));
  for (const name of [...FAULT_CLASSES, ...LATER_FAULT_CLASSES]) {
    const faults = plan.faults.filter(({ body }) => body.kind !== name);
    if (faults.length < plan.faults.length) attempt({ ...plan, faults });
  }
  for (const smaller of calmer(plan)) attempt(smaller(plan));
  dropFaults(() => plan, attempt, isTimeLeft);
  return { plan, runs };
}

function withoutFaults(plan: Overrides): Overrides {
  return { ...plan, faults: [] };
}

function change(
  make: (options: Overrides["options"]) => Partial<Overrides["options"]>,
): (plan: Overrides) => Overrides {
  return (plan) => ({ ...plan, options: { ...plan.options, ...make(plan.options) } });
}

/** Simplifications of everything but the faults. */
function calmer(first: Overrides): readonly ((plan: Overrides) => Overrides)[] {
  const { network } = first.options;
  return [
    change((options) => ({ workload: { ...options.workload, clientCount: 1 } })),
    change((options) => ({ network: { ...options.network, lossChance: 0 } })),
    change((options) => ({ network: { ...options.network, duplicateChance: 0 } })),
    change((options) => ({ network: { ...options.network, reorderChance: 0 } })),
    change((options) => ({ network: { ...options.network, ghostChance: 0, isEncoded: false } })),
    change((options) => ({ network: { ...options.network, latencyMsMax: network.latencyMsMin * 1.1 } })),
    change(() => ({ lateTickChance: 0, driftMax: 0 })),
    change((options) => ({ disk: { ...options.disk, slowSyncChance: 0 } })),
    change((options) => ({ hostCount: options.voterCount })),
    change((options) => ({ hostCount: Math.min(3, options.hostCount), voterCount: Math.min(3, options.voterCount) })),
  ];
}

/** Takes faults away in ever smaller pieces. @see Zeller, ddmin */
function dropFaults(current: () => Overrides, attempt: (plan: Overrides) => boolean, isTimeLeft: () => boolean): void {
  for (let size = Math.ceil(current().faults.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < current().faults.length && isTimeLeft();) {
      const plan = current();
      const faults = plan.faults.filter((_, place) => place < at || place >= at + size);
      if (!attempt({ ...plan, faults })) at += size;
    }
  }
}

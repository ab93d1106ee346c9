import { NEMESES, type NemesisName } from "./nemesis/nemesis.ts";
import type { SwarmLimits } from "./swarm.ts";
import { runPlan, planSeed, type RunResult } from "./run-seed.ts";

/** What one worker process is asked to do: `from`, `from + step`, and so on. */
export interface Share {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly horizonMs: number | undefined;
  /** Wall-clock ms after which no new seed is begun. */
  readonly timeMs: number;
  readonly stopsAtFailure: boolean;
  /** Every seed with all that stands above the node, instead of one in twenty. */
  readonly isFull: boolean;
  /** Only seeds with this attack; "": all. */
  readonly nemesis: NemesisName | "";
}

/** One seed in this many is run twice, and both runs must be the same. */
const TWICE_EVERY = 100;

/** Runs a share; tells each result. */
export function runShare(share: Share, tell: (result: RunResult) => void): void {
  const startedAt = performance.now();
  for (let number = 0; number < share.count && performance.now() - startedAt < share.timeMs; number += 1) {
    const seed = share.from + number * share.step;
    if (!isWanted(seed, share)) continue;
    const result = runSeed(seed, share);
    tell(result);
    if (result.violation !== undefined && share.stopsAtFailure) return;
  }
}

function isWanted(seed: number, share: Share): boolean {
  if (share.nemesis === "") return true;
  return planSeed(seed, limitsOf(share)).faults.some(
    ({ body }) => body.kind === "nemesis" && body.name === share.nemesis,
  );
}

function limitsOf({ horizonMs, isFull }: Share): SwarmLimits {
  const machine = isFull ? { machine: "full" as const } : {};
  return { ...(horizonMs === undefined ? {} : { horizonMs }), ...machine };
}

function runSeed(seed: number, share: Share): RunResult {
  return runGuarded(seed, () => runPlan(planSeed(seed, limitsOf(share))));
}

/** Runs a seed, and now and then twice: what is not the same then cannot be played again when it matters. */
export function runGuarded(seed: number, play: () => RunResult): RunResult {
  const result = play();
  if (seed % TWICE_EVERY !== 0 || result.violation !== undefined) return result;
  const again = play();
  if (again.traceHash === result.traceHash) return result;
  const detail = `two runs of one seed differ: ${result.traceHash} and ${again.traceHash}`;
  return { ...result, violation: { rule: "deterministic", detail, at: 0 } };
}

/** A share as its text; the numbers that JSON cannot say are left out. */
export function parseShare(text: string): Share {
  const parts = text.split(",");
  const [from = 0, step = 1, count = 0, horizonMs = NaN, timeMs = Infinity, stops = 0, full = 0] = parts.map(Number);
  return {
    from,
    step,
    count,
    horizonMs: Number.isNaN(horizonMs) ? undefined : horizonMs,
    timeMs,
    stopsAtFailure: stops === 1,
    isFull: full === 1,
    nemesis: NEMESES.find((name) => name === parts[7]) ?? "",
  };
}

export function shareText(share: Share): string {
  const { from, step, count, horizonMs, timeMs, stopsAtFailure, isFull, nemesis } = share;
  const flags = [Number(stopsAtFailure), Number(isFull), nemesis];
  return [from, step, count, horizonMs ?? NaN, timeMs, ...flags].join(",");
}

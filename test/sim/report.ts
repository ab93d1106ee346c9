import { describeFault } from "./faults/fault.ts";
import type { Marks } from "./marks.ts";
import type { Overrides, RunResult } from "./run-seed.ts";

/** What all runs of a session came to. */
export interface Tally {
  readonly passed: number;
  readonly failed: readonly RunResult[];
  readonly events: number;
  readonly simulatedMs: number;
  readonly acked: number;
  readonly faults: number;
}

export function describeFailure(result: RunResult): string {
  const { violation, seed } = result;
  if (violation === undefined) return `seed ${seed}: no violation`;
  return `seed ${seed} broke "${violation.rule}" at ${violation.at.toFixed(1)} ms: ${violation.detail}`;
}

export function describeTally(tally: Tally, cpuMs: number): string {
  const seconds = cpuMs / 1000;
  const eventsPerSecond = Math.round(tally.events / seconds);
  const speed = Math.round(tally.simulatedMs / cpuMs);
  const days = (tally.simulatedMs / 86_400_000).toFixed(2);
  return (
    `${tally.events} events, ${days} simulated days, ${tally.faults} faults, ${tally.acked} acknowledged writes\n` +
    `${eventsPerSecond} events/s and ${speed} times real time per core`
  );
}

export function describeMarks(marks: Marks): string {
  return marks
    .entries()
    .map(([mark, count]) => `  ${String(count).padStart(8)}  ${mark}`)
    .join("\n");
}

export function describePlan({ options, faults }: Overrides): string {
  const { hostCount, voterCount, horizonMs, workload } = options;
  const shape = `${hostCount} hosts, ${voterCount} voters, ${workload.clientCount} clients, ${horizonMs} ms, ${faults.length} faults`;
  return [shape, ...faults.map((fault) => `  ${describeFault(fault)}`)].join("\n");
}

import { describeFault } from "./faults/fault.ts";
import type { Marks } from "./marks.ts";
import type { Overrides, RunResult } from "./run-seed.ts";

/** What all runs of a session came to. */
export interface Tally {
  readonly passed: number;
  readonly failed: readonly RunResult[];
  readonly events: number;
  readonly simulatedMs: number;
  /** Processor time of all runs. */
  readonly cpuMs: number;
  readonly acked: number;
  readonly faults: number;
}

export function describeFailure(result: RunResult): string {
  const { violation, seed } = result;
  if (violation === undefined) return `seed ${seed}: no violation`;
  return `seed ${seed} broke "${violation.rule}" at ${violation.at.toFixed(1)} ms: ${violation.detail}`;
}

/** Speeds are of one core that does nothing else; seeds a minute are what came out here. */
export function describeTally(tally: Tally, wallMs: number): string {
  const { events, simulatedMs, cpuMs, faults, acked } = tally;
  const eventsPerSecond = Math.round((events * 1000) / cpuMs);
  const speed = Math.round(simulatedMs / cpuMs);
  const seedsPerMinute = Math.round(((tally.passed + tally.failed.length) * 60_000) / wallMs);
  const days = (simulatedMs / 86_400_000).toFixed(2);
  return (
    `${events} events, ${days} simulated days, ${faults} faults, ${acked} acknowledged writes\n` +
    `${seedsPerMinute} seeds a minute; ${eventsPerSecond} events/s and ${speed} simulated seconds a second of one core`
  );
}

export function describeMarks(marks: Marks): string {
  return marks
    .entries()
    .map(([mark, count]) => `  ${String(count).padStart(8)}  ${mark}`)
    .join("\n");
}

export function describePlan({ options, faults, asks = [] }: Overrides): string {
  const { hostCount, voterCount, horizonMs, workload } = options;
  const shape =
    `${hostCount} hosts, ${voterCount} voters, ${workload.clientCount} clients, ${horizonMs} ms, ` +
    `${faults.length} faults and ${asks.length} operations of clients`;
  return [shape, ...faults.map((fault) => `  ${describeFault(fault)}`)].join("\n");
}

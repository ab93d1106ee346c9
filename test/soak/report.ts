import { ENTRIES_MAX, isWithinBounds, type Folder } from "./folders.ts";
import type { Growth } from "./samples.ts";
import type { Outcome, Tally } from "./tally.ts";

export interface SoakResult {
  readonly seed: number;
  readonly minutes: number;
  readonly patience: number;
  readonly tally: Tally;
  /** How often each fault was done. */
  readonly faults: ReadonlyMap<string, number>;
  readonly elections: number;
  readonly terms: number;
  readonly growth: readonly Growth[];
  readonly folders: readonly Folder[];
}

const GROWTH_MAX = 0.05;
/** Shorter runs say nothing about growth: what is bounded has not reached its bound. */
const GROWTH_MINUTES_MIN = 30;

function share({ early, late }: Growth): number {
  return early === 0 ? 0 : late / early - 1;
}

function lines(one: Growth): readonly string[] {
  const shown = `    ${one.node} ${one.what}: ${one.early} to ${one.late} (${(100 * share(one)).toFixed(1)} %)`;
  if (one.what === "files") return [shown];
  const unit = one.what === "memory" ? 1e6 : 1;
  return [shown, `      each minute's lowest: ${one.byMinute.map((value) => Math.round(value / unit)).join(" ")}`];
}

/** What is not as it should be; empty: the soak passed. */
export function failuresOf({ minutes, tally, growth, folders }: SoakResult): readonly string[] {
  const failures = tally.violations.map((violation) => `violation: ${violation}`);
  for (const one of minutes < GROWTH_MINUTES_MIN ? [] : growth) {
    // What lies in the folders has bounds of its own, which are looked at below.
    if (one.what !== "files" && share(one) >= GROWTH_MAX)
      failures.push(`${one.what} of ${one.node} grew from ${one.early} to ${one.late}`);
  }
  if (minutes >= GROWTH_MINUTES_MIN && growth.length === 0) failures.push("no process lived long enough to be judged");
  for (const folder of folders) {
    if (!isWithinBounds(folder)) {
      failures.push(`${folder.node} keeps ${folder.entries} entries and ${folder.snapshots} snapshots`);
    }
  }
  return failures;
}

export function describe(result: SoakResult): string {
  const { tally, minutes, patience, seed, faults, elections, terms, growth, folders } = result;
  const sum = (outcome: Outcome): number => [...tally.counts.values()].reduce((all, one) => all + one[outcome], 0);
  const operations = sum("done") + sum("refused") + sum("not-done") + sum("unknown");
  const gap = tally.longestGap;
  const failures = failuresOf(result);
  return [
    `soak of ${minutes} minutes, seed ${seed}, timeouts times ${patience}`,
    `  operations        ${operations}: ${sum("done")} done, ${sum("refused")} refused, ${sum("not-done")} not done`,
    `  unknown outcomes  ${sum("unknown")} (${((100 * sum("unknown")) / Math.max(1, operations)).toFixed(2)} %)`,
    `  violations        ${tally.violations.length}`,
    `  elections         ${elections} started, term ${terms} at the end`,
    `  longest write gap ${gap.ms.toFixed(0)} ms, at ${(gap.atMs / 1000).toFixed(0)} s, during ${gap.during}`,
    "  by kind (done, refused, not done, unknown)",
    ...[...tally.counts].map(
      ([kind, one]) => `    ${kind.padEnd(16)} ${one.done}, ${one.refused}, ${one["not-done"]}, ${one.unknown}`,
    ),
    "  faults",
    ...[...faults].map(([name, count]) => `    ${name.padEnd(24)} ${count}`),
    ...[...tally.notes].map(([name, count]) => `    ${name.padEnd(44)} ${count}`),
    "  growth of the processes that lived all the time",
    ...growth.flatMap(lines),
    `  folders at the end (at most ${ENTRIES_MAX} entries, two snapshots)`,
    ...folders.map(({ node, entries, snapshots }) => `    ${node}: ${entries} entries, ${snapshots} snapshots`),
    failures.length === 0 ? "passed" : `FAILED\n${failures.map((failure) => `  ${failure}`).join("\n")}`,
  ].join("\n");
}

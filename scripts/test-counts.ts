import type { Part } from "./parts.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function numberBefore(output: string, word: string): number {
  const matches = [...output.matchAll(new RegExp(`^\\s*(\\d+) ${word}$`, "gm"))];
  return Number(matches.at(-1)?.[1] ?? 0);
}

/** How many tests a part ran. A part that fails without a failing test still counts as one failure. */
export function countsOf(part: Pick<Part, "counts">, output: string, exitCode: number): Counts {
  let counts: Counts = { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  if (part.counts === "tests") {
    counts = {
      passed: numberBefore(output, "pass"),
      failed: numberBefore(output, "fail"),
      skipped: numberBefore(output, "skip"),
    };
  } else if (part.counts === "counting") {
    const line = [...output.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1);
    counts = { passed: Number(line?.[1] ?? 0), failed: Number(line?.[2] ?? 0), skipped: 0 };
  }
  if (exitCode !== 0 && counts.failed === 0) return { ...counts, failed: 1 };
  // Nothing ran: a part that finds no tests must not look like one that passed.
  if (counts.passed + counts.failed + counts.skipped === 0) return { ...counts, failed: 1 };
  return counts;
}

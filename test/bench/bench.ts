import { appendFileSync } from "node:fs";
import { join } from "node:path";

/** One benchmark: prints its lines itself. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  run(): Promise<void>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line per run, so that a regression shows. */
export function record(bench: string, figures: Readonly<Record<string, unknown>>): void {
  const line = { at: new Date().toISOString(), bench, ...figures };
  appendFileSync(join(import.meta.dir, "history.jsonl"), `${JSON.stringify(line)}\n`);
}

/** Median, and in brackets the least and the most. */
export function spread(values: readonly number[]): string {
  const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
  return `${short(median(values))} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

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

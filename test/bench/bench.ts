/** One benchmark: prints its lines itself. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  run(): Promise<void>;
}

/** Of an even number, the middle between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? NaN : (low + high) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Median, and in brackets the least and the most. */
export function spread(values: readonly number[]): string {
  const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
  return `${short(median(values))} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

const DURATION = /^(\d{1,12}(?:\.\d+)?)(ms|s|m|h)?$/;
const FACTOR_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Ms of a duration such as `500ms`, `30s`, `5m`, `1h`; without a unit: seconds. Undefined: it is none. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (FACTOR_MS[match[2] ?? "s"] ?? 1000));
}

/** The shortest way to write it. */
export function formatDuration(ms: number): string {
  for (const unit of ["h", "m", "s"]) {
    const factor = FACTOR_MS[unit] ?? 1;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { rounds: { type: "string" }, seconds: { type: "string" }, "warm-up": { type: "string" } },
  allowPositionals: true,
});

/** The sub-benchmarks that were asked for. */
export const wanted: readonly string[] = positionals;

/** How many rounds: `--rounds`, else ROUNDS, else the benchmark's own. */
export function rounds(fallback = 5): number {
  return Number(values.rounds ?? process.env["ROUNDS"] ?? fallback);
}

/** Seconds of one load: `--seconds`, else SECONDS, else the benchmark's own. */
export function seconds(fallback = 3): number {
  return Number(values.seconds ?? process.env["SECONDS"] ?? fallback);
}

/** Seconds of load before the first figure, until the hot paths are compiled: a server is not new for long. */
export function warmUp(fallback = 20): number {
  return Number(values["warm-up"] ?? process.env["WARM_UP"] ?? fallback);
}

import { err, ok, type Result } from "../base/index.ts";

const DURATION_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

const SIZE_BYTES: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
]);

function parse(text: string, units: ReadonlyMap<string, number>, example: string): Result<number, string> {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text.trim());
  const factor = units.get(match?.[2] ?? "");
  if (match === null || factor === undefined) {
    return err(`must be a number with one of the units ${[...units.keys()].join(", ")}, such as ${example}`);
  }
  return ok(Number(match[1]) * factor);
}

/** `500ms`, `1s`, `2m`, `1h` in ms. The error completes "… ". */
export function parseDuration(text: string): Result<number, string> {
  return parse(text, DURATION_MS, "500ms");
}

/** `512KiB`, `1MiB` in bytes. */
export function parseSize(text: string): Result<number, string> {
  return parse(text, SIZE_BYTES, "512KiB");
}

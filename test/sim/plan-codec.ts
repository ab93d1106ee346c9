import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Overrides } from "./run-seed.ts";

/** A whole run as one word for a command line. */
export function planText({ options, ...rest }: Overrides): string {
  // The rates only say how faults were drawn, and these are drawn.
  const json = JSON.stringify({ options: { ...options, faultRates: [] }, ...rest });
  return deflateRawSync(json, { level: 9 }).toString("base64url");
}

/** @throws TypeError when it is no run */
export function parsePlan(text: string): Overrides {
  const plan = read(text);
  if (!isPlan(plan)) throw new TypeError("Cannot play --plan: it must be the word that a failing run printed");
  return { ...plan, options: { ...plan.options, faultRates: new Map() } };
}

function read(text: string): unknown {
  try {
    return JSON.parse(inflateRawSync(Buffer.from(text, "base64url")).toString());
  } catch {
    return undefined;
  }
}

function isPlan(value: unknown): value is Overrides {
  return typeof value === "object" && value !== null && "options" in value && "faults" in value;
}

import { parseDuration } from "./duration.ts";
import { badRequest } from "./errors.ts";

/** A duration in a body, in ms; undefined: it is not there. @throws ApiError that names the field */
export function durationOf(field: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (value === 0 || value === "0") return 0;
  if (ms === undefined)
    throw badRequest(field, `must be a duration such as 500ms, 30s or 5m: it is ${JSON.stringify(value)}`);
  return ms;
}

import { SESSION_LIMITS, type SessionTerms } from "../fsm/index.ts";
import { SESSION_BODY } from "./bodies.ts";
import { readFields } from "./body.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { badRequest } from "./errors.ts";

const BODY_BYTES_MAX = 16 * 1024;
/** Below this, a slow network ends sessions of clients that live. */
const TTL_MS_MIN = 1000;
const TTL_MS_MAX = 86_400_000;
const LOCK_DELAY_MS = 15_000;
const LOCK_DELAY_MS_MAX = 60_000;

/** The body of `POST /sessions`. @throws ApiError that names the field */
export async function readSessionTerms(request: Request): Promise<SessionTerms> {
  const body = await readFields(request, SESSION_BODY, BODY_BYTES_MAX);
  const { name = "", behavior = "release" } = body;
  if (typeof name !== "string" || !name.isWellFormed() || Buffer.byteLength(name) > SESSION_LIMITS.nameBytesMax) {
    throw badRequest("name", `must be text of at most ${SESSION_LIMITS.nameBytesMax} bytes`);
  }
  if (behavior !== "release" && behavior !== "delete") throw badRequest("behavior", 'must be "release" or "delete"');
  return { name, behavior, ttlMs: ttlOf(body["ttl"]), lockDelayMs: lockDelayOf(body["lock_delay"]) };
}

function ttlOf(value: unknown): number {
  const ms = msOf("ttl", value);
  if (ms === 0 || (ms >= TTL_MS_MIN && ms <= TTL_MS_MAX)) return ms;
  throw badRequest("ttl", `must be 1s to 24h, or 0 (it never ends by itself): it is ${formatDuration(ms)}`);
}

function lockDelayOf(value: unknown): number {
  if (value === undefined) return LOCK_DELAY_MS;
  const ms = msOf("lock_delay", value);
  if (ms <= LOCK_DELAY_MS_MAX) return ms;
  throw badRequest("lock_delay", `must be 0 to ${formatDuration(LOCK_DELAY_MS_MAX)}: it is ${formatDuration(ms)}`);
}

function msOf(field: string, value: unknown): number {
  if (value === 0) return 0;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms !== undefined) return ms;
  const given = value === undefined ? "it is missing" : `it is ${JSON.stringify(value)}`;
  throw badRequest(field, `must be a duration such as 500ms, 15s or 5m: ${given}`);
}

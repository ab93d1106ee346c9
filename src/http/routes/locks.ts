import { isSessionResult, type LockAcquire, type LockRelease, type SessionResult } from "../../fsm/index.ts";
import type { RouteDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { writeFailure } from "../failures.ts";
import { onceKeyOf, reusedKey } from "../idempotency.ts";
import type { Responder } from "../respond.ts";
import type { RequestUrl } from "../request-url.ts";

export interface LockCall {
  readonly url: RequestUrl;
  readonly respond: Responder;
  readonly request: Request;
  readonly access: { readonly actor: string };
  readonly keyText: string;
}

/** Sets a key and takes or gives back its lock in one entry. */
export async function putLocked(
  deps: RouteDeps,
  call: LockCall,
  command: LockAcquire | LockRelease,
): Promise<Response> {
  const outcome = await deps.replica.write(command, onceKeyOf(call));
  if (outcome.kind !== "done") throw writeFailure(outcome, call.url.href);
  const { result } = outcome;
  if (result.kind === "once-mismatch") throw reusedKey();
  if (!isSessionResult(result)) throw new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
  const isAcquire = command.kind === "lock-acquire";
  deps.kvCounters[isAcquire ? "acquire" : "release"].increase();
  if (result.kind !== "lock-acquired" && result.kind !== "lock-released") throw refusal(command, result);
  const message = isAcquire ? "Acquired" : "Released";
  const { modifyIndex, lockIndex } = result;
  return call.respond.json({ message, key: call.keyText, modify_index: modifyIndex, lock_index: lockIndex });
}

function refusal({ kind, session }: LockAcquire | LockRelease, result: SessionResult): ApiError {
  if (result.kind === "session-not-found") return noSession(session);
  if (result.kind === "lock-delayed") {
    const retryAfter = Math.max(1, Math.ceil(result.remainingMs / 1000));
    return new ApiError(
      "lock_held",
      `The last holder of this lock ended without giving it back: nobody acquires it for another ${result.remainingMs} ms`,
      { fields: { session: null, retry_after_ms: result.remainingMs }, headers: { "Retry-After": String(retryAfter) } },
    );
  }
  if (result.kind !== "lock-held") {
    return new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
  }
  const holder = result.session === "" ? null : result.session;
  const message =
    kind === "lock-release" && holder === null
      ? "Nobody holds this lock, so it cannot be released"
      : `Session ${result.session} holds this lock: the key was not changed`;
  return new ApiError("lock_held", message, { fields: { session: holder } });
}

export function noSession(id: string): ApiError {
  return new ApiError(
    "not_found",
    `There is no session ${id}: it ended, or was never made. Make one by POST /sessions`,
    {
      fields: { id },
    },
  );
}

import { ApiError, badRequest } from "./errors.ts";

/** The client's `Idempotency-Key`, kept apart from those of other tokens; undefined: none. @throws ApiError */
export function onceKeyOf(call: {
  readonly request: Request;
  readonly access: { readonly actor: string };
}): string | undefined {
  const given = call.request.headers.get("idempotency-key");
  if (given === null) return undefined;
  if (!/^[\x21-\x7e]{1,128}$/.test(given)) {
    throw badRequest("Idempotency-Key", "must be 1 to 128 printable characters without spaces");
  }
  return `${call.access.actor}:${given}`;
}

/** Routes whose answers hold what is made at random, or that are not part of the replicated state. */
const WITHOUT_KEY = /^\/(?:acl|sessions|snapshot|cluster|leave)\b/;

/** For requests that write. @throws ApiError where a key would promise what is not kept */
export function refuseKey({ headers }: Request, path: string): void {
  if (!WITHOUT_KEY.test(path) || !headers.has("idempotency-key")) return;
  throw badRequest("Idempotency-Key", "is taken by writes to keys and services only");
}

export function reusedKey(): ApiError {
  return new ApiError(
    "conflict",
    "This Idempotency-Key was used for another write within the last hour: nothing was done",
  );
}

/** Every code that an answer can carry, with its status. */
export const STATUS_OF = {
  not_leader: 307,
  bad_request: 400,
  invalid_key: 400,
  invalid_json: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  cas_conflict: 409,
  lock_held: 409,
  conflict: 409,
  would_lose_quorum: 409,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal: 500,
  no_leader: 503,
  overloaded: 503,
  shutting_down: 503,
  disk_full: 503,
  state_full: 503,
  untrusted_node: 503,
  stale: 503,
  timeout: 504,
  outcome_unknown: 504,
} as const;

export type ErrorCode = keyof typeof STATUS_OF;

/** An answer that is no success: mapped to the envelope in one place. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      readonly fields?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
      /** Where the code's own one does not fit. */
      readonly status?: number;
    } = {},
  ) {
    super(message);
    this.code = code;
    this.fields = more.fields ?? {};
    this.headers = more.headers ?? {};
    this.status = more.status ?? STATUS_OF[code];
  }
}

export function badRequest(field: string, message: string): ApiError {
  return new ApiError("bad_request", `${field} ${message}`, { fields: { field } });
}

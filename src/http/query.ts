import { utf8, type LogIndex } from "../base/index.ts";
import type { StateScope } from "../fsm/index.ts";
import type { ReadTerms } from "../replica/index.ts";
import { badRequest } from "./errors.ts";
import type { RequestUrl } from "./request-url.ts";

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m)?$/;
const FACTOR_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };
const DEFAULT_WAIT_MS = 300_000;

/** @throws ApiError bad_request for any parameter */
export function refuseParameters(url: RequestUrl): void {
  if (url.search === "") return;
  const [name] = [...url.searchParams.keys()];
  if (name !== undefined) throw badRequest(name, "is no parameter of this route; it takes none");
}

const AT_ONCE: ReadTerms = { isConsistent: false };

/** The query of a request: every parameter is known, checked and named when it is wrong. */
export class Query {
  /** Undefined: there is no query, as with most requests, and nothing to call the runtime for. */
  readonly #parameters: URLSearchParams | undefined;

  constructor(url: RequestUrl, known: readonly string[]) {
    if (url.search === "") return;
    this.#parameters = url.searchParams;
    for (const name of this.#parameters.keys()) {
      if (!known.includes(name)) {
        throw badRequest(name, `is no parameter of this route; it takes ${known.join(", ")}`);
      }
    }
  }

  has(name: string): boolean {
    return this.#parameters?.has(name) ?? false;
  }

  /** As it was written. */
  raw(name: string): string | undefined {
    return this.#parameters?.get(name) ?? undefined;
  }

  /** Present without a value, or with `true`. */
  flag(name: string): boolean {
    const value = this.raw(name);
    if (value === undefined || value === "false") return false;
    if (value === "" || value === "true") return true;
    throw badRequest(name, `takes no value, "true" or "false": it is "${value}"`);
  }

  text(name: string): Uint8Array | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : utf8(value);
  }

  integer(name: string, range: { readonly min: number; readonly max: number }): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
    if (!(number >= range.min && number <= range.max)) {
      throw badRequest(name, `must be a whole number from ${range.min} to ${range.max}: it is "${value}"`);
    }
    return number;
  }

  index(name: string): LogIndex | undefined {
    return this.integer(name, { min: 0, max: Number.MAX_SAFE_INTEGER });
  }

  durationMs(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const match = DURATION.exec(value);
    if (match === null) throw badRequest(name, `must be a duration such as 500ms, 30s or 5m: it is "${value}"`);
    return Number(match[1]) * (FACTOR_MS[match[2] ?? "s"] ?? 1000);
  }

  /** The parameters that every read has. */
  readTerms(scope: StateScope, request: { readonly signal: AbortSignal }): ReadTerms {
    if (this.#parameters === undefined) return AT_ONCE;
    const index = this.index("index");
    const waitMs = this.durationMs("wait") ?? DEFAULT_WAIT_MS;
    const minIndex = this.index("min_index");
    const staleMsMax = this.durationMs("max_stale");
    const isConsistent = this.flag("consistent");
    const mayWait = isConsistent || index !== undefined || minIndex !== undefined;
    return {
      isConsistent,
      // Asked for only where it may be needed: the runtime makes the signal when it is first looked at.
      ...(mayWait ? { signal: request.signal } : {}),
      ...(minIndex === undefined ? {} : { minIndex }),
      ...(staleMsMax === undefined ? {} : { staleMsMax }),
      ...(index === undefined ? {} : { blocking: { scope, index, waitMs } }),
    };
  }
}

export const READ_PARAMETERS = ["consistent", "index", "wait", "min_index", "max_stale"] as const;

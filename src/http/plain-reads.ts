import { answered, type Counted } from "./answering.ts";
import type { RouteDeps } from "./deps.ts";
import { keyFields } from "./key-fields.ts";
import { plainKey, rawKeyOf } from "./key-path.ts";
import { requestId } from "./request-id.ts";
import type { RequestUrl } from "./request-url.ts";
import { Responder } from "./respond.ts";

/**
 * Answers what clients ask most: a key that is there, by its path alone, from this node's state. The steps that such a
 * request has no use for would cost more than the answer. Everything else is for the route of the same path, which gives
 * these the same answers.
 */
export class PlainReads {
  readonly #deps: RouteDeps;
  readonly #counted: Counted;
  /** Nobody has to be asked for a right, and nothing is traced. */
  readonly #isOn: boolean;

  /** `counted`: the route of these paths. */
  constructor(deps: RouteDeps, counted: Counted) {
    this.#deps = deps;
    this.#counted = counted;
    this.#isOn = !deps.access.isEnabled && deps.tracing === undefined;
  }

  /** Undefined: it is for its route, and nothing was done. */
  answer(request: Request, url: RequestUrl): Response | undefined {
    if (!this.#isOn || url.search !== "" || request.method !== "GET") return undefined;
    const keyText = rawKeyOf(url.pathname);
    const key = plainKey(keyText);
    if (key === undefined) return undefined;
    const { replica, clock, kvCounters } = this.#deps;
    const startedAt = clock.now();
    if (!replica.canReadAtOnce()) return undefined;
    const row = replica.fsm.kv.get(key);
    if (row === undefined) return undefined;
    const respond = new Responder(replica, requestId(request));
    const response = respond.json(keyFields(keyText, row));
    kvCounters.get.increase();
    answered(this.#deps, this.#counted, { startedAt, method: "GET", url, respond }, 200);
    return response;
  }
}

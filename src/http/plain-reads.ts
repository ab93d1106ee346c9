import type { BoundCounter } from "../telemetry/index.ts";
import type { HttpDeps } from "./deps.ts";
import { keyFields } from "./key-fields.ts";
import { plainKey, rawKeyOf } from "./key-path.ts";
import { requestId } from "./request-id.ts";
import type { RequestUrl } from "./request-url.ts";
import type { RouteMetrics } from "./request-metrics.ts";
import { Responder } from "./respond.ts";

/**
 * Answers what clients ask most: a key that is there, by its path alone, from this node's state. The steps that such a
 * request has no use for would cost more than the answer. Everything else is for the route of the same path, which gives
 * these the same answers.
 */
export class PlainReads {
  readonly #deps: HttpDeps;
  readonly #metrics: RouteMetrics;
  readonly #gets: BoundCounter;
  /** Nobody has to be asked for a right, and nothing is traced. */
  readonly #isOn: boolean;

  /** `metrics`: of the route of these paths. */
  constructor(deps: HttpDeps, metrics: RouteMetrics) {
    this.#deps = deps;
    this.#metrics = metrics;
    this.#gets = deps.metrics.counter("konsul_kv_operations_total", { operation: "get" });
    this.#isOn = !deps.access.isEnabled && deps.tracing === undefined;
  }

  /** Undefined: it is for its route, and nothing was done. */
  answer(request: Request, { pathname, search }: RequestUrl): Response | undefined {
    if (!this.#isOn || search !== "" || request.method !== "GET") return undefined;
    const keyText = rawKeyOf(pathname);
    const key = plainKey(keyText);
    if (key === undefined) return undefined;
    const { replica, clock, logger } = this.#deps;
    const startedAt = clock.now();
    if (!replica.canReadAtOnce() || logger.isEnabled("debug")) return undefined;
    const row = replica.fsm.kv.get(key);
    if (row === undefined) return undefined;
    const response = new Responder(replica, requestId(request)).json(keyFields(keyText, row));
    this.#gets.increase();
    this.#metrics.answered("GET", 200, (clock.now() - startedAt) / 1000);
    return response;
  }
}

import { answered, failure, type Asked, type Counted } from "./answering.ts";
import { isJson } from "./body.ts";
import type { RouteDeps } from "./deps.ts";
import { plainKey, rawKeyOf } from "./key-path.ts";
import { requestId } from "./request-id.ts";
import type { RequestUrl } from "./request-url.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { Responder } from "./respond.ts";
import { resultOf, stored } from "./routes/kv.ts";

/**
 * Takes what clients write most: the bytes of a value to a key by its path alone, on the node that leads. As with plain
 * reads, everything else is for the route of the same path, which gives these the same answers.
 */
export class PlainWrites {
  readonly #deps: RouteDeps;
  readonly #requests: RequestMetrics;
  readonly #counted: Counted;
  /** Nobody has to be asked for a right, and nothing is traced. */
  readonly #isOn: boolean;

  /** `counted`: the route of these paths. */
  constructor(deps: RouteDeps, requests: RequestMetrics, counted: Counted) {
    this.#deps = deps;
    this.#requests = requests;
    this.#counted = counted;
    this.#isOn = !deps.access.isEnabled && deps.tracing === undefined;
  }

  /** Undefined: it is for its route, and nothing was done. */
  answer(request: Request, url: RequestUrl): Promise<Response> | undefined {
    if (!this.#isOn || url.search !== "" || request.method !== "PUT") return undefined;
    const { replica, clock, limits } = this.#deps;
    const keyText = rawKeyOf(url.pathname);
    const key = plainKey(keyText);
    if (key === undefined || key.length > limits.keyBytesMax) return undefined;
    if (!isPlainValue(request, limits.valueBytesMax) || replica.leadingTerm() === undefined) return undefined;
    const respond = new Responder(replica, requestId(request));
    const asked: Asked = { startedAt: clock.now(), method: "PUT", url, respond };
    this.#requests.inFlight += 1;
    const finish = (response: Response): Response => {
      this.#requests.inFlight -= 1;
      answered(this.#deps, this.#counted, asked, response.status);
      return response;
    };
    return request
      .bytes()
      .then((value) => replica.write({ kind: "kv-set", key, value, flags: 0n }))
      .then((outcome) => stored(this.#deps, { respond, keyText }, resultOf(outcome, url)))
      .then(finish, (cause: unknown) => finish(failure(this.#deps, respond, cause)));
  }
}

/** Bytes without anything said about them, in a number that is known and allowed. */
function isPlainValue(request: Request, bytesMax: number): boolean {
  const { headers } = request;
  const size = headers.get("content-length");
  if (size === null || Number(size) > bytesMax) return false;
  return !headers.has("transfer-encoding") && !headers.has("idempotency-key") && !isJson(request);
}

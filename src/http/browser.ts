/** Which pages of other origins may use the API, as browsers ask it. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** `*` among them stands for every origin. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** The answer to a browser that asks before it sends; undefined: nobody asks, or nobody may. */
  preflight(request: Request): Response | undefined {
    const isAsking = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
    const headers = isAsking ? this.#headers(request) : undefined;
    if (headers === undefined) return undefined;
    return new Response(null, {
      status: 204,
      headers: {
        ...headers,
        "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, DELETE",
        "Access-Control-Allow-Headers":
          "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Konsul-Token, X-Request-Id",
        "Access-Control-Max-Age": "600",
      },
    });
  }

  /** Lets the page see the answer, if it may. */
  allow(request: Request, response: Response): void {
    for (const [name, value] of Object.entries(this.#headers(request) ?? {})) response.headers.set(name, value);
  }

  #headers(request: Request): Readonly<Record<string, string>> | undefined {
    if (this.#origins.size === 0) return undefined;
    const origin = request.headers.get("origin");
    if (origin === null || !(this.#origins.has(origin) || this.#origins.has("*"))) return undefined;
    return {
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Expose-Headers":
        "X-Request-Id, X-Konsul-Index, X-Konsul-Known-Leader, X-Konsul-Last-Contact, Retry-After",
      Vary: "Origin",
    };
  }
}

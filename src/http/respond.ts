import type { Replica } from "../replica/index.ts";
import { STATUS_OF, type ApiError } from "./errors.ts";

const FIXED_HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" } as const;

/** Answers of one request: every one carries its id and where this node's state stands. */
export class Responder {
  readonly requestId: string;
  readonly #replica: Replica;

  constructor(replica: Replica, requestId: string) {
    this.#replica = replica;
    this.requestId = requestId;
  }

  json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
    return this.bytes(JSON.stringify(body), { status, type: "application/json", headers });
  }

  bytes(
    body: Uint8Array | string | ReadableStream<Uint8Array>,
    more: { readonly status?: number; readonly type: string; readonly headers?: Readonly<Record<string, string>> },
  ): Response {
    const { appliedIndex, hasLeader, lastContactMs } = this.#replica.stance();
    return new Response(body, {
      status: more.status ?? 200,
      headers: {
        ...FIXED_HEADERS,
        "Content-Type": more.type,
        "X-Request-Id": this.requestId,
        "X-Konsul-Index": String(appliedIndex),
        "X-Konsul-Known-Leader": String(hasLeader),
        "X-Konsul-Last-Contact": String(Math.round(Math.min(lastContactMs, 2 ** 31))),
        ...more.headers,
      },
    });
  }

  error(error: ApiError): Response {
    const { code, message, fields, headers } = error;
    return this.json({ error: code, message, request_id: this.requestId, ...fields }, STATUS_OF[code], headers);
  }
}

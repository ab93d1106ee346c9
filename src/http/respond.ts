import type { Replica } from "../replica/index.ts";
import type { ApiError } from "./errors.ts";

/** Copying one of these costs less than building all headers anew. */
const HEADERS_OF_TYPE = new Map<string, Headers>();

function headersOf(type: string): Headers {
  const known = HEADERS_OF_TYPE.get(type);
  if (known !== undefined) return known;
  const headers = new Headers({
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Type": type,
  });
  HEADERS_OF_TYPE.set(type, headers);
  return headers;
}

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
    const response = new Response(body, { status: more.status ?? 200, headers: headersOf(more.type) });
    const { headers } = response;
    headers.set("X-Request-Id", this.requestId);
    headers.set("X-Konsul-Index", String(appliedIndex));
    headers.set("X-Konsul-Known-Leader", String(hasLeader));
    headers.set("X-Konsul-Last-Contact", String(Math.round(Math.min(lastContactMs, 2 ** 31))));
    for (const name in more.headers) headers.set(name, more.headers[name] ?? "");
    return response;
  }

  error(error: ApiError): Response {
    const { code, message, fields, headers, status } = error;
    return this.json({ error: code, message, request_id: this.requestId, ...fields }, status, headers);
  }
}

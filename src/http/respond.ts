import type { Replica, Stance } from "../replica/index.ts";
import type { ApiError } from "./errors.ts";

/**
 * The headers that all answers of one content type have. An answer copies them when it is made, so they are filled in right
 * before: a copy costs a fraction of setting each header of an answer, and most of them are as they were last time.
 */
class CommonHeaders {
  readonly #headers: Headers;
  #appliedIndex = -1;
  #hasLeader: boolean | undefined;
  #lastContactMs = -1;

  constructor(type: string) {
    this.#headers = new Headers({
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "Content-Type": type,
    });
  }

  /** To be copied before the next call. */
  filled(requestId: string, { appliedIndex, hasLeader, lastContactMs }: Stance): Headers {
    const headers = this.#headers;
    headers.set("X-Request-Id", requestId);
    if (appliedIndex !== this.#appliedIndex) {
      this.#appliedIndex = appliedIndex;
      headers.set("X-Konsul-Index", String(appliedIndex));
    }
    if (hasLeader !== this.#hasLeader) {
      this.#hasLeader = hasLeader;
      headers.set("X-Konsul-Known-Leader", String(hasLeader));
    }
    const contact = Math.round(Math.min(lastContactMs, 2 ** 31));
    if (contact !== this.#lastContactMs) {
      this.#lastContactMs = contact;
      headers.set("X-Konsul-Last-Contact", String(contact));
    }
    return headers;
  }
}

const NO_MORE: Readonly<Record<string, string>> = {};

const HEADERS_OF_TYPE = new Map<string, CommonHeaders>();

function headersOf(type: string): CommonHeaders {
  const known = HEADERS_OF_TYPE.get(type);
  if (known !== undefined) return known;
  const headers = new CommonHeaders(type);
  HEADERS_OF_TYPE.set(type, headers);
  return headers;
}

/** Answers of one request: every one carries its id and where this node's state stands. */
export class Responder {
  readonly requestId: string;
  readonly #replica: Pick<Replica, "stance">;

  constructor(replica: Pick<Replica, "stance">, requestId: string) {
    this.#replica = replica;
    this.requestId = requestId;
  }

  json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = NO_MORE): Response {
    return this.bytes(JSON.stringify(body), { status, type: "application/json", headers });
  }

  bytes(
    body: Uint8Array | string | ReadableStream<Uint8Array>,
    more: { readonly status?: number; readonly type: string; readonly headers?: Readonly<Record<string, string>> },
  ): Response {
    const common = headersOf(more.type).filled(this.requestId, this.#replica.stance());
    const response = new Response(body, { status: more.status ?? 200, headers: common });
    for (const name in more.headers) response.headers.set(name, more.headers[name] ?? "");
    return response;
  }

  error(error: ApiError): Response {
    const { code, message, fields, headers, status } = error;
    return this.json({ error: code, message, request_id: this.requestId, ...fields }, status, headers);
  }
}

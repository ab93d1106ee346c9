import type { ForwardedAnswer, ForwardedRequest, HeaderList } from "../cluster/index.ts";
import { readBytes } from "./body.ts";
import { ApiError } from "./errors.ts";

/** What became of a request that was handed to the leader. `lost`: the leader may have done it. */
export type ForwardOutcome =
  | { readonly kind: "answer"; readonly answer: ForwardedAnswer }
  | { readonly kind: "not-sent"; readonly reason: string }
  | { readonly kind: "lost"; readonly reason: string };

/** Hands a request to the node that leads, at most once. Undefined: no leader is known. */
export type Forward = (request: ForwardedRequest) => Promise<ForwardOutcome> | undefined;

/** The leader's answer gets these of the client's headers to decide upon, and no others. */
export const FORWARDED_HEADERS = [
  "accept",
  "authorization",
  "content-type",
  "idempotency-key",
  "traceparent",
  "x-konsul-token",
  "x-request-id",
];

/** Belong to the connection of the leader, or are set by this node's own server. */
const DROPPED_HEADERS = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);

/** Larger bodies go to the leader by redirect: they would hold up Raft's own messages on the peer connection. */
export const FORWARDED_BYTES_MAX = 4 * 1024 * 1024;

const RETRY_SOON = { "Retry-After": "1" };

/** The request again, with its body kept for the leader: a body can be read only once. */
export interface KeptRequest {
  readonly request: Request;
  readonly body: Uint8Array;
}

export function isForwardable({ headers }: Request): boolean {
  const size = headers.get("content-length");
  return size === null ? !headers.has("transfer-encoding") : Number(size) <= FORWARDED_BYTES_MAX;
}

export async function keepBody(request: Request): Promise<KeptRequest> {
  const body = await readBytes(request, FORWARDED_BYTES_MAX);
  const { url, method, headers, signal } = request;
  return { request: new Request(url, { method, headers, body, signal }), body };
}

/** The leader's answer, or what is known about the outcome; never a guess. */
export async function forwardWrite(
  forward: Forward,
  { request, body }: KeptRequest,
  /** What this node says in place of the client. */
  own: Readonly<Record<string, string>>,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers: [string, string][] = FORWARDED_HEADERS.flatMap((name) => {
    const value = own[name] ?? request.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const outcome = await forward({ method: request.method, path: `${pathname}${search}`, headers, body });
  if (outcome === undefined) throw noLeader("no node leads at the moment");
  if (outcome.kind === "not-sent") throw noLeader(`the leader cannot be reached from this node (${outcome.reason})`);
  if (outcome.kind === "lost") {
    throw new ApiError(
      "outcome_unknown",
      `This write may or may not have happened: it was handed to the leader, and ${outcome.reason}. Read to find out`,
    );
  }
  const { answer } = outcome;
  if (answer.status === 307) throw noLeader("leadership has just moved");
  return new Response(answer.status === 204 ? null : Buffer.from(answer.body), {
    status: answer.status,
    headers: answer.headers.filter(([name]) => !DROPPED_HEADERS.has(name)).map(([name, value]) => [name, value]),
  });
}

function noLeader(why: string): ApiError {
  return new ApiError("no_leader", `This write did not happen, because ${why}: try again`, { headers: RETRY_SOON });
}

/** The leader's side: answers a forwarded request as if the client had sent it here. */
export async function answerForwarded(
  fetch: (request: Request) => Response | Promise<Response>,
  { method, path, headers, body }: ForwardedRequest,
): Promise<ForwardedAnswer> {
  const given: [string, string][] = headers.map(([name, value]) => [name, value]);
  const sent = body.length === 0 ? {} : { body: Buffer.from(body) };
  const response = await fetch(new Request(`http://forwarded${path}`, { method, headers: given, ...sent }));
  const answered: HeaderList = [...response.headers];
  return { status: response.status, headers: answered, body: new Uint8Array(await response.arrayBuffer()) };
}

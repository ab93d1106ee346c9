import type { Prng } from "../../src/base/index.ts";
import type { Outcome, Tally } from "./tally.ts";

/** What the answers of all routes hold that clients here look at. */
export interface Fields {
  readonly id?: string;
  readonly value?: string;
  readonly modify_index?: number;
  readonly lock_index?: number;
  readonly next?: string;
  readonly entries?: readonly { readonly key: string; readonly value: string; readonly modify_index: number }[];
  readonly instances?: readonly { readonly id: string; readonly status: string }[];
}

export interface Answer {
  /** 0: none came, so that nobody knows what was done. */
  readonly status: number;
  readonly fields: Fields;
}

export interface ClientOptions {
  readonly urls: readonly string[];
  readonly prng: Prng;
  readonly tally: Tally;
  readonly isOver: () => boolean;
}

export interface Sent {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const REQUEST_MS_MAX = 3000;

/** One request to one node; `request` is a method and a path. */
export async function send(url: string, request: string, sent: Sent = {}): Promise<Answer> {
  const [method = "", path = ""] = request.split(" ");
  const { body, headers = {}, timeoutMs = REQUEST_MS_MAX } = sent;
  try {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers,
      // The runtime sends a request again by itself when a kept connection breaks: the second answer would be taken for the first.
      keepalive: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    const fields: Fields = Object(await answer.json());
    return { status: answer.status, fields };
  } catch {
    return { status: 0, fields: {} };
  }
}

/** How the API's statuses are read: 503 means not done, 504 and silence that nobody knows. */
export function outcomeOf({ status }: Answer): Outcome {
  if (status === 200) return "done";
  if (status === 0 || status === 504) return "unknown";
  return status === 503 ? "not-done" : "refused";
}

/** A write to a random node, counted. */
export async function write(options: ClientOptions, kind: string, request: string, sent: Sent = {}): Promise<Answer> {
  const answer = await send(options.prng.pick(options.urls), request, sent);
  const outcome = outcomeOf(answer);
  options.tally.count(kind, outcome);
  if (outcome === "done") options.tally.wrote();
  return answer;
}

/** A read of a random node, counted. */
export async function read(options: ClientOptions, kind: string, request: string, sent: Sent = {}): Promise<Answer> {
  const answer = await send(options.prng.pick(options.urls), request, sent);
  options.tally.count(kind, outcomeOf(answer) === "unknown" ? "not-done" : outcomeOf(answer));
  return answer;
}

/** The value and index of a key, as nobody can know it better; undefined: it is over. Index 0: there is no such key. */
export async function readSurely(
  options: ClientOptions,
  key: string,
): Promise<{ readonly value: string; readonly index: number } | undefined> {
  while (!options.isOver()) {
    const { status, fields } = await read(options, "read", `GET /kv/${key}?consistent`);
    if (status === 404) return { value: "", index: 0 };
    if (status === 200) return { value: fields.value ?? "", index: fields.modify_index ?? 0 };
    await Bun.sleep(50);
  }
  return undefined;
}

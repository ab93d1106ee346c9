import type { Prng } from "../../../src/base/index.ts";
import type { Operation, VersionedInput, VersionedOutput } from "../../linearizability/index.ts";

const REQUEST_MS_MAX = 3000;
/** Keys are left behind after a while, so that no history of a key gets long. */
const KEY_AGE_MS = 2500;

type Versioned = Operation<VersionedInput, VersionedOutput>;

export interface Recorded {
  readonly operations: Versioned[];
  /** Reads that asked for nothing but a node's own state. */
  readonly localReads: Versioned[];
  unknown: number;
}

export interface Workload {
  readonly urls: readonly string[];
  readonly until: number;
  readonly recorded: Recorded;
  /** Before every key. */
  readonly prefix?: string;
  /** Called for every write that was acknowledged. */
  readonly onWrite?: () => void;
}

/**
 * Undefined: nobody knows what became of it. On a connection of its own: the runtime sends a request again by itself when a
 * kept connection breaks, and the second answer would be taken for the first (a write that was done, told as refused).
 */
export async function ask(url: string, method: string, body?: string): Promise<Response | undefined> {
  const signal = AbortSignal.timeout(REQUEST_MS_MAX);
  const sent = { method, signal, keepalive: false, ...(body === undefined ? {} : { body }) };
  return fetch(url, sent).catch(() => undefined);
}

/** One client: an operation at a time on a random node, until it is over. */
export async function runClient(
  client: number,
  prng: Prng,
  { urls, until, recorded, prefix = "", onWrite }: Workload,
): Promise<void> {
  const started = performance.now();
  const versions = new Map<string, number>();
  for (let count = 0; performance.now() < until; count += 1) {
    await Bun.sleep(prng.between(5, 40));
    const key = `${prefix}k${prng.between(0, 3)}-${Math.floor((performance.now() - started) / KEY_AGE_MS)}`;
    const node = prng.pick(urls);
    const kind = prng.pick(["get", "get", "local", "put", "put", "cas", "delete"] as const);
    const value = `${client}-${count}`;
    const expected = versions.get(key) ?? 0;
    const call = performance.now();
    const record = (input: VersionedInput, output: VersionedOutput | undefined, list = recorded.operations): void => {
      const end = output === undefined ? Infinity : performance.now();
      list.push({ client, key, call, return: end, input, output });
      if (output === undefined) recorded.unknown += 1;
    };
    const url = `${node}/kv/${key}`;
    if (kind === "get" || kind === "local") {
      const answer = await ask(kind === "get" ? `${url}?consistent` : url, "GET");
      const list = kind === "get" ? recorded.operations : recorded.localReads;
      if (answer?.status === 404) record({ kind: "get" }, { kind: "read", value: undefined, index: 0 }, list);
      if (answer?.status !== 200) continue;
      const {
        value: found = "",
        modify_index: index = 0,
      }: { readonly value?: string; readonly modify_index?: number } = Object(await answer.json());
      versions.set(key, index);
      record({ kind: "get" }, { kind: "read", value: found, index }, list);
      continue;
    }
    const input: VersionedInput =
      kind === "put" ? { kind, value } : kind === "cas" ? { kind, expected, value } : { kind };
    const answer =
      kind === "delete"
        ? await ask(url, "DELETE")
        : await ask(kind === "cas" ? `${url}?cas=${expected}` : url, "PUT", value);
    const { status } = answer ?? { status: 504 };
    if (status === 503) continue;
    if (status === 504) record(input, undefined);
    else if (status === 404) record({ kind: "get" }, { kind: "read", value: undefined, index: 0 });
    else if (status === 409) record(input, { kind: "refused" });
    else if (status === 200) {
      onWrite?.();
      const { modify_index: index }: { readonly modify_index?: number } = Object(await answer?.json());
      if (index !== undefined && kind !== "delete") versions.set(key, index);
      record(input, kind === "delete" || index === undefined ? { kind: "done" } : { kind: "done", index });
    } else throw new Error(`${kind} on ${url} was answered with ${status}`);
  }
}

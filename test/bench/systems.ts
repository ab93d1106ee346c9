import { join } from "node:path";
import { KONSUL, temporaryFolder } from "../e2e/agent-process.ts";
import { freePorts } from "../e2e/free-ports.ts";
import { runNodes, type Running } from "./running.ts";

/** How one system is asked over HTTP for the same thing. */
export interface Requests {
  readonly method: "GET" | "PUT" | "POST";
  /** Lua that gives path and body; `n` counts the requests of a thread. */
  readonly path: string;
  readonly body?: string;
  readonly json?: boolean;
}

export interface System {
  readonly name: string;
  readonly write: Requests;
  readonly consistentRead: Requests;
  /** One write with little patience. True: it was acknowledged. */
  put(url: string): Promise<boolean>;
  /** Up to 128 keys of 20 bytes with values of 100, in one transaction. */
  load(url: string, keys: readonly string[]): Promise<void>;
  start(): Promise<Running>;
}

/** 100 bytes. */
const VALUE = "v".repeat(100);
const KEYS = 10_000;
const TRIES = 100;
const luaKey = (keys: number): string => `string.format("k%05d", math.random(0, ${keys - 1}))`;
const LUA_KEY = luaKey(KEYS);

/** True: answered with success within a second. */
async function isOk(url: string, request: RequestInit): Promise<boolean> {
  const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  await answer?.arrayBuffer().catch(() => undefined);
  return answer?.ok === true;
}

async function sent(url: string, body: unknown): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
    const text = await answer.text();
    if (answer.ok) return;
    // A busy machine has its elections; to set the same keys again does no harm.
    if (answer.status < 500 || tries === TRIES) throw new Error(`${url} answered ${answer.status}: ${text}`);
    await Bun.sleep(100);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Number of the leader of so many voters; undefined: not all are well, or they do not agree. */
export async function leaderSeenBy(urls: readonly string[], votersWanted = 3): Promise<number | undefined> {
  const seen = new Set<string>();
  for (const url of urls) {
    const answer = await fetch(`${url}/cluster/status`, { signal: AbortSignal.timeout(1000) });
    const { state, voters, leader } = Object(await answer.json());
    if (state !== "healthy" || voters !== votersWanted) return undefined;
    seen.add(String(Object(leader).id));
  }
  const [id = ""] = seen;
  return seen.size === 1 && id.startsWith("node-") ? Number(id.split("-")[1]) : undefined;
}

/** Every key that is read and written by the loads, so that each read finds something. */
export async function seed(system: System, running: Running): Promise<void> {
  const url = await running.leader();
  const keys = Array.from({ length: KEYS }, (_, at) => `k${String(at).padStart(5, "0")}`);
  for (let from = 0; from < KEYS; from += 128) await system.load(url, keys.slice(from, from + 128));
}

/** Writes of values of this size to so many keys. */
export function konsulWrite({ valueBytes, keys }: { readonly valueBytes: number; readonly keys: number }): Requests {
  return { method: "PUT", path: `"/kv/" .. ${luaKey(keys)}`, body: `string.rep("v", ${valueBytes})` };
}

export const konsulSystem: System = {
  name: "konsul",
  write: konsulWrite({ valueBytes: VALUE.length, keys: KEYS }),
  consistentRead: { method: "GET", path: `"/kv/" .. ${LUA_KEY} .. "?consistent"` },
  put: async (url) => isOk(`${url}/kv/k`, { method: "PUT", body: "v" }),
  load: async (url, keys) =>
    sent(`${url}/kv/txn`, { operations: keys.map((key) => ({ op: "set", key, value: VALUE })) }),
  start: async () => startKonsul(3),
};

export interface RunningKonsul extends Running {
  /** Where the nodes listen for their peers, as `--join` takes it. */
  readonly joinAddresses: string;
}

/** So many nodes that have formed one cluster. */
export async function startKonsul(count: number, flags: readonly string[] = []): Promise<RunningKonsul> {
  const folder = temporaryFolder("konsul-bench");
  const ports = freePorts(2 * count);
  const all = Array.from({ length: count }, (_, at) => at);
  const joinAddresses = all.map((at) => `127.0.0.1:${ports[count + at]}`).join(",");
  const commands = all.map((at) => [
    KONSUL,
    "agent",
    `--port=${ports[at]}`,
    `--node-id=node-${at}`,
    `--data-dir=${join(folder, `n${at}`)}`,
    `--raft-bind-addr=127.0.0.1:${ports[count + at]}`,
    ...(count === 1 ? ["--bootstrap"] : [`--bootstrap-expect=${count}`, `--join=${joinAddresses}`]),
    "--log-level=warn",
    ...flags,
  ]);
  const urls = all.map((at) => `http://127.0.0.1:${ports[at]}`);
  const leaderAt = async (): Promise<number | undefined> => leaderSeenBy(urls, count);
  const term = async (): Promise<number> => {
    const { raft } = Object(await (await fetch(`${urls[0]}/health`)).json());
    return Number(Object(raft).term);
  };
  return { ...(await runNodes({ folder, commands, urls, readyPath: "/health/ready", leaderAt, term })), joinAddresses };
}

export const etcdSystem: System = {
  name: "etcd",
  write: {
    method: "POST",
    path: `"/v3/kv/put"`,
    body: `'{"key":"' .. b64(${LUA_KEY}) .. '","value":"${Buffer.from(VALUE).toString("base64")}"}'`,
    json: true,
  },
  consistentRead: { method: "POST", path: `"/v3/kv/range"`, body: `'{"key":"' .. b64(${LUA_KEY}) .. '"}'`, json: true },
  put: async (url) =>
    isOk(`${url}/v3/kv/put`, { method: "POST", body: JSON.stringify({ key: base64("k"), value: base64("v") }) }),
  load: async (url, keys) =>
    sent(`${url}/v3/kv/txn`, {
      success: keys.map((key) => ({ requestPut: { key: base64(key), value: base64(VALUE) } })),
    }),
  start: async () => {
    const folder = temporaryFolder("etcd-bench");
    const ports = freePorts(6);
    const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
    const cluster = [0, 1, 2].map((at) => `n${at}=${url(3 + at)}`).join(",");
    const commands = [0, 1, 2].map((at) => [
      "etcd",
      `--name=n${at}`,
      `--data-dir=${join(folder, `n${at}`)}`,
      `--listen-client-urls=${url(at)}`,
      `--advertise-client-urls=${url(at)}`,
      `--listen-peer-urls=${url(3 + at)}`,
      `--initial-advertise-peer-urls=${url(3 + at)}`,
      `--initial-cluster=${cluster}`,
      "--logger=zap",
      "--log-level=error",
    ]);
    const leaderAt = async (): Promise<number | undefined> => {
      let found: number | undefined;
      for (const at of [0, 1, 2]) {
        const answer = await fetch(`${url(at)}/v3/maintenance/status`, { method: "POST", body: "{}" });
        const { header, leader } = Object(await answer.json());
        if (leader === undefined) return undefined;
        if (Object(header).member_id === leader) found = at;
      }
      return found;
    };
    const term = async (): Promise<number> => {
      const answer = await fetch(`${url(0)}/v3/maintenance/status`, { method: "POST", body: "{}" });
      return Number(Object(await answer.json()).raftTerm);
    };
    return runNodes({ folder, commands, urls: [0, 1, 2].map(url), readyPath: "/health", leaderAt, term });
  },
};

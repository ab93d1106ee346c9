import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KONSUL } from "../e2e/agent-process.ts";
import { freePorts } from "../e2e/free-ports.ts";

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

/** Three nodes that serve. */
export interface Running {
  readonly leader: string;
  readonly follower: string;
  readonly urls: readonly string[];
  /** Which of the three leads, once all of them serve and agree. */
  leaderAt(): Promise<number>;
  pidOf(at: number): number;
  pids(): readonly number[];
  /** SIGKILL; on return the process is gone. */
  kill(at: number): Promise<void>;
  /** Starts a killed node on its folder; on return it serves. */
  restart(at: number): Promise<void>;
  stop(): Promise<void>;
}

/** 100 bytes. */
const VALUE = "v".repeat(100);
const KEYS = 10_000;
const LUA_KEY = `string.format("k%05d", math.random(0, ${KEYS - 1}))`;

async function untilTrue(check: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await check().catch(() => false)) return;
    await Bun.sleep(20);
  }
}

interface Plan {
  readonly folder: string;
  readonly commands: readonly (readonly string[])[];
  readonly urls: readonly string[];
  readonly readyPath: string;
  /** Undefined: not yet, or they do not agree. */
  readonly leaderAt: () => Promise<number | undefined>;
}

async function run({ folder, commands, urls, readyPath, leaderAt }: Plan): Promise<Running> {
  const spawn = (command: readonly string[]): Bun.Subprocess =>
    Bun.spawn([...command], { cwd: folder, stdio: ["ignore", "ignore", "ignore"] });
  const children = commands.map(spawn);
  const agreed = async (): Promise<number> => {
    let found: number | undefined;
    await untilTrue(async () => {
      found = await leaderAt();
      return found !== undefined;
    });
    return found ?? 0;
  };
  const leader = await agreed();
  const urlOf = (at: number): string => urls[at % 3] ?? "";
  return {
    leader: urlOf(leader),
    follower: urlOf(leader + 1),
    urls,
    leaderAt: agreed,
    pidOf: (at) => children[at]?.pid ?? 0,
    pids: () => children.map(({ pid }) => pid),
    kill: async (at) => {
      children[at]?.kill("SIGKILL");
      await children[at]?.exited;
    },
    restart: async (at) => {
      children[at] = spawn(commands[at] ?? []);
      await untilTrue(async () => (await fetch(`${urlOf(at)}${readyPath}`)).ok);
    },
    stop: async () => {
      for (const child of children) child.kill("SIGKILL");
      for (const child of children) await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** True: answered with success within a second. */
async function isOk(url: string, request: RequestInit): Promise<boolean> {
  const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  await answer?.arrayBuffer().catch(() => undefined);
  return answer?.ok === true;
}

async function sent(url: string, body: unknown): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Number of the leader of three voters; undefined: not all are well, or they do not agree. */
export async function leaderSeenBy(urls: readonly string[]): Promise<number | undefined> {
  const seen = new Set<string>();
  for (const url of urls) {
    const answer = await fetch(`${url}/cluster/status`, { signal: AbortSignal.timeout(1000) });
    const { state, voters, leader } = Object(await answer.json());
    if (state !== "healthy" || voters !== 3) return undefined;
    seen.add(String(Object(leader).id));
  }
  const [id = ""] = seen;
  return seen.size === 1 && id.startsWith("node-") ? Number(id.split("-")[1]) : undefined;
}

export const konsulSystem: System = {
  name: "konsul",
  write: { method: "PUT", path: `"/kv/" .. ${LUA_KEY}`, body: `"${VALUE}"` },
  consistentRead: { method: "GET", path: `"/kv/" .. ${LUA_KEY} .. "?consistent"` },
  put: async (url) => isOk(`${url}/kv/k`, { method: "PUT", body: "v" }),
  load: async (url, keys) =>
    sent(`${url}/kv/txn`, { operations: keys.map((key) => ({ op: "set", key, value: VALUE })) }),
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-bench-"));
    const ports = freePorts(6);
    const join3 = [3, 4, 5].map((at) => `127.0.0.1:${ports[at]}`).join(",");
    const commands = [0, 1, 2].map((at) => [
      KONSUL,
      "agent",
      `--port=${ports[at]}`,
      `--node-id=node-${at}`,
      `--data-dir=${join(folder, `n${at}`)}`,
      `--raft-bind-addr=127.0.0.1:${ports[3 + at]}`,
      "--bootstrap-expect=3",
      `--join=${join3}`,
      "--log-level=warn",
    ]);
    const urls = [0, 1, 2].map((at) => `http://127.0.0.1:${ports[at]}`);
    const leaderAt = async (): Promise<number | undefined> => leaderSeenBy(urls);
    return run({ folder, commands, urls, readyPath: "/health/ready", leaderAt });
  },
};

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
    const folder = mkdtempSync(join(tmpdir(), "etcd-bench-"));
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
    return run({ folder, commands, urls: [0, 1, 2].map(url), readyPath: "/health", leaderAt });
  },
};

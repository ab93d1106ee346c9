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
  start(): Promise<Running>;
}

/** Three nodes that serve. */
export interface Running {
  readonly leader: string;
  readonly follower: string;
  readonly pids: readonly number[];
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

interface Nodes {
  readonly folder: string;
  readonly children: readonly Bun.Subprocess[];
}

function spawnAll(commands: readonly (readonly string[])[], folder: string): Nodes {
  const children = commands.map((command) =>
    Bun.spawn([...command], { cwd: folder, stdio: ["ignore", "ignore", "ignore"] }),
  );
  return { folder, children };
}

function running({ folder, children }: Nodes, leader: string, follower: string): Running {
  return {
    leader,
    follower,
    pids: children.map(({ pid }) => pid),
    stop: async () => {
      for (const child of children) child.kill("SIGKILL");
      for (const child of children) await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const konsulSystem: System = {
  name: "konsul",
  write: { method: "PUT", path: `"/kv/" .. ${LUA_KEY}`, body: `"${VALUE}"` },
  consistentRead: { method: "GET", path: `"/kv/" .. ${LUA_KEY} .. "?consistent"` },
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-bench-"));
    const ports = freePorts(6);
    const join3 = [3, 4, 5].map((at) => `127.0.0.1:${ports[at]}`).join(",");
    const nodes = spawnAll(
      [0, 1, 2].map((at) => [
        KONSUL,
        "agent",
        `--port=${ports[at]}`,
        `--node-id=node-${at}`,
        `--data-dir=${join(folder, `n${at}`)}`,
        `--raft-bind-addr=127.0.0.1:${ports[3 + at]}`,
        "--bootstrap-expect=3",
        `--join=${join3}`,
        "--log-level=warn",
      ]),
      folder,
    );
    const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
    let leaderAt = 0;
    await untilTrue(async () => {
      const { voters, leader } = Object(await (await fetch(`${url(0)}/cluster/status`)).json());
      leaderAt = Number(String(Object(leader).id).split("-")[1]);
      return voters === 3 && leaderAt >= 0;
    });
    return running(nodes, url(leaderAt), url((leaderAt + 1) % 3));
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
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), "etcd-bench-"));
    const ports = freePorts(6);
    const url = (at: number): string => `http://127.0.0.1:${ports[at]}`;
    const cluster = [0, 1, 2].map((at) => `n${at}=${url(3 + at)}`).join(",");
    const nodes = spawnAll(
      [0, 1, 2].map((at) => [
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
      ]),
      folder,
    );
    let leaderAt = 0;
    await untilTrue(async () => {
      for (const at of [0, 1, 2]) {
        const answer = await fetch(`${url(at)}/v3/maintenance/status`, { method: "POST", body: "{}" });
        const { header, leader } = Object(await answer.json());
        if (leader !== undefined && Object(header).member_id === leader) leaderAt = at;
        else if (leader === undefined) return false;
      }
      return true;
    });
    return running(nodes, url(leaderAt), url((leaderAt + 1) % 3));
  },
};

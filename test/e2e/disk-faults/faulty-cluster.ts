import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { KONSUL, startAgent, temporaryFolder, type AgentProcess } from "../agent-process.ts";
import { freePorts } from "../free-ports.ts";
import { Load } from "./load.ts";

export interface FaultyCluster {
  readonly load: Load;
  readonly folderOf: (at: number) => string;
  readonly nodeAt: (at: number) => AgentProcess;
  readonly urls: readonly string[];
  readonly peerPorts: readonly number[];
  /** Starts a node again that has ended, and does not wait until it is ready. */
  start(at: number): Promise<void>;
  /** Number of the leader as a majority sees it. */
  leader(): Promise<number>;
  /** Until every node is a voter and ready; the milliseconds it took. */
  untilWhole(): Promise<number>;
}

/** Three nodes, each in a folder of its own (or where `places` says), re-synced as often as it is needed. */
export async function startFaultyCluster(
  places: readonly string[] = [],
  executable = KONSUL,
  more: Readonly<Record<string, string>> = {},
): Promise<FaultyCluster> {
  const ports = freePorts(6);
  const base = temporaryFolder();
  const folderOf = (at: number): string => join(places[at] ?? base, `n${at}`);
  const flagsOf = (at: number): readonly string[] => [
    `--port=${ports[at]}`,
    `--node-id=node-${at}`,
    `--data-dir=${folderOf(at)}`,
    `--raft-bind-addr=127.0.0.1:${ports[3 + at]}`,
    "--join-token=secret",
    "--bootstrap-expect=3",
    `--join=${ports
      .slice(3)
      .map((port) => `127.0.0.1:${port}`)
      .join(",")}`,
    "--limit-request-timeout=2s",
  ];
  const notAwaited = { isReadyAwaited: false, executable };
  const environment = { KONSUL_RAFT_RESYNC_INTERVAL: "0s", ...more };
  for (const at of [0, 1, 2]) mkdirSync(folderOf(at), { recursive: true });
  const nodes = await Promise.all([0, 1, 2].map(async (at) => startAgent(flagsOf(at), environment, notAwaited)));
  const urls = ports.slice(0, 3).map((port) => `http://127.0.0.1:${port}`);
  const load = new Load(urls);
  const cluster: FaultyCluster = {
    load,
    folderOf,
    urls,
    peerPorts: ports.slice(3),
    nodeAt: (at) => {
      const node = nodes[at];
      if (node === undefined) throw new Error(`there is no node ${at}`);
      return node;
    },
    start: async (at) => {
      nodes[at] = await startAgent(flagsOf(at), environment, notAwaited);
    },
    leader: async () => {
      for (;;) {
        for (const url of urls) {
          const { leader } = await statusOf(url);
          if (leader?.reachable === true) return Number(leader.id.slice(5));
        }
        await Bun.sleep(20);
      }
    },
    untilWhole: async () => {
      const from = performance.now();
      for (;;) {
        const all = await Promise.all(urls.map(async (url) => statusOf(url)));
        const ready = await Promise.all(urls.map(async (url) => isReady(url)));
        if (all.every(({ voters }) => voters === 3) && ready.every(Boolean)) return performance.now() - from;
        await Bun.sleep(50);
      }
    },
  };
  await cluster.untilWhole();
  return cluster;
}

interface Status {
  readonly voters?: number;
  readonly leader?: { readonly id: string; readonly reachable: boolean } | null;
}

async function statusOf(url: string): Promise<Status> {
  try {
    const answer = await fetch(`${url}/cluster/status`, { signal: AbortSignal.timeout(1000) });
    const status: Status = Object(await answer.json());
    const leader = typeof status.leader?.id === "string" ? { id: status.leader.id, reachable: answer.ok } : null;
    return { ...status, leader };
  } catch {
    return {};
  }
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  return answer?.status === 200;
}

import { join } from "node:path";
import { startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

export interface Status {
  readonly cluster_id?: string;
  readonly voters?: number;
  readonly failure_tolerance?: number | null;
  readonly leader?: { readonly id: string } | null;
  readonly nodes?: readonly { readonly id: string; readonly voter: boolean }[];
}

export async function statusOf(url: string): Promise<Status> {
  const answer = await fetch(`${url}/cluster/status`).catch(() => undefined);
  const status: Status = answer?.status === 200 ? Object(await answer.json()) : {};
  return status;
}

/** Until each of these nodes sees so many voters and a leader; what each of them says. */
export async function untilVoters(urls: readonly string[], voters: number): Promise<readonly Status[]> {
  for (;;) {
    const all = await Promise.all(urls.map(statusOf));
    if (all.every((one) => one.voters === voters && one.leader !== null && one.leader !== undefined)) return all;
    await Bun.sleep(20);
  }
}

/** Ports, folders and flags of nodes on this machine. */
export interface Site {
  readonly folder: string;
  readonly http: readonly number[];
  readonly peer: readonly number[];
  readonly urls: readonly string[];
  readonly flags: (at: number, ...more: readonly string[]) => string[];
}

export function site(size: number): Site {
  const folder = temporaryFolder();
  const ports = freePorts(2 * size);
  const [http, peer] = [ports.slice(0, size), ports.slice(size)];
  return {
    folder,
    http,
    peer,
    urls: http.map((port) => `http://127.0.0.1:${port}`),
    flags: (at, ...more) => [
      `--port=${http[at]}`,
      `--node-id=node-${at}`,
      `--data-dir=${join(folder, `n${at}`)}`,
      `--raft-bind-addr=127.0.0.1:${peer[at]}`,
      "--join-token=secret",
      ...more,
    ],
  };
}

/** Until any one of the voters may fail: their number is there before the change that makes them is over. */
async function untilOneMayFail(url: string): Promise<void> {
  while ((await statusOf(url)).failure_tolerance !== 1) await Bun.sleep(20);
}

/** Three voters of one cluster that the first one made, and that goes on without any of them. */
export async function threeOf(one: Site): Promise<AgentProcess[]> {
  const nodes: AgentProcess[] = [];
  for (const at of [0, 1, 2]) {
    nodes.push(await startAgent(one.flags(at, at === 0 ? "--bootstrap" : `--join=127.0.0.1:${one.peer[0]}`)));
  }
  await untilVoters(one.urls.slice(0, 3), 3);
  await untilOneMayFail(one.urls[0] ?? "");
  return nodes;
}

/** Writes a key with itself as its value; the status, or 0 where there was no answer. */
export async function put(url: string | undefined, key: string): Promise<number> {
  return (await fetch(`${url}/kv/${key}`, { method: "PUT", body: key }).catch(() => undefined))?.status ?? 0;
}

/** Until it is stored: on a busy machine leaders come and go. */
export async function untilPut(url: string | undefined, key: string): Promise<void> {
  while ((await put(url, key)) !== 200) await Bun.sleep(20);
}

import { join } from "node:path";
import { startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

export interface ThreeNodes {
  readonly nodes: readonly [AgentProcess, AgentProcess, AgentProcess];
  readonly leader: AgentProcess;
  readonly followers: readonly [AgentProcess, AgentProcess];
  /** Where each node is reached, before and after it was started anew. */
  readonly urls: readonly [string, string, string];
  /** Starts a node that ended, with the same folder and ports. */
  readonly restart: (at: number, executable?: string) => Promise<AgentProcess>;
  /** Its data folder. */
  readonly folderOf: (at: number) => string;
  /** Where they reach each other. */
  readonly peerPorts: readonly number[];
}

/**
 * Three voters with a leader, as every one of them sees it, of which any one may fail. `tokenFrom` is asked once the first node
 * serves; `standard` is an executable other than the one under test.
 */
export async function startThreeNodes(
  flags: readonly string[] = [],
  tokenFrom?: (first: AgentProcess) => Promise<string>,
  standard?: string,
): Promise<ThreeNodes> {
  const folder = temporaryFolder();
  const ports = freePorts(6);
  const folderOf = (at: number): string => join(folder, `n${at}`);
  const start = async (at: number, executable = standard): Promise<AgentProcess> => {
    const words = [
      `--port=${ports[at]}`,
      `--node-id=node-${at}`,
      `--data-dir=${folderOf(at)}`,
      `--raft-bind-addr=127.0.0.1:${ports[3 + at]}`,
      "--join-token=secret",
      ...(at === 0 ? ["--bootstrap"] : [`--join=127.0.0.1:${ports[3]}`]),
      ...flags,
    ];
    return startAgent(words, {}, { isReadyAwaited: true, ...(executable === undefined ? {} : { executable }) });
  };
  const first = await start(0);
  const token = await tokenFrom?.(first);
  const leaderSeenBy = async (node: AgentProcess): Promise<string | undefined> => leaderOf(node, token);
  const nodes = [first, await start(1), await start(2)] as const;
  for (const node of nodes) while ((await leaderSeenBy(node)) === undefined) await Bun.sleep(20);
  // It may have changed, or be unknown for a moment, since.
  let at = NaN;
  while (Number.isNaN(at)) at = Number((await leaderSeenBy(nodes[0]))?.split("-")[1]);
  const [leader, second, third] = [nodes[at], nodes[(at + 1) % 3], nodes[(at + 2) % 3]];
  if (leader === undefined || second === undefined || third === undefined) throw new Error("there are three nodes");
  const urls = [nodes[0].url, nodes[1].url, nodes[2].url] as const;
  return { nodes, leader, followers: [second, third], urls, restart: start, folderOf, peerPorts: ports.slice(3) };
}

/** Undefined until there are three voters and a leader, and the change that made them is over. */
async function leaderOf(node: AgentProcess, token = ""): Promise<string | undefined> {
  const status: {
    readonly voters?: number;
    readonly failure_tolerance?: number | null;
    readonly leader?: { readonly id: string } | null;
  } = Object(await (await fetch(`${node.url}/cluster/status`, { headers: { "X-Konsul-Token": token } })).json());
  return status.voters === 3 && status.failure_tolerance === 1 ? status.leader?.id : undefined;
}

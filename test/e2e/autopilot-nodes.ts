import { join } from "node:path";
import { startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

/** What a leader's `/cluster/status` and `/cluster/autopilot/state` say, as far as the tests look. */
export interface ClusterState {
  readonly leader: string | undefined;
  readonly voters: readonly string[];
  readonly members: readonly string[];
  readonly healthy: readonly string[];
  readonly waiting: ReadonlyMap<string, string>;
}

/** Nothing is judged for a moment's silence here: the machine may be busy. */
export const PATIENT = [
  "--heartbeat-timeout=2s",
  "--election-timeout=2s",
  "--leader-lease-timeout=1500ms",
  "--autopilot-last-contact-threshold=2s",
  "--autopilot-server-stabilization-time=3s",
];

export interface NodeSpec {
  readonly id: string;
  readonly zone?: string;
  readonly executable?: string;
}

/** Nodes of one cluster that are started on demand; the first forms it. */
export class AutopilotNodes {
  readonly agents = new Map<string, AgentProcess>();
  readonly #folder = temporaryFolder();
  readonly #ports: readonly number[];
  readonly #specs: readonly NodeSpec[];
  readonly #flags: readonly string[];

  constructor(specs: readonly NodeSpec[], flags: readonly string[]) {
    this.#specs = specs;
    this.#flags = flags;
    this.#ports = freePorts(2 * specs.length);
  }

  async start(id: string): Promise<AgentProcess> {
    const at = this.#specs.findIndex((spec) => spec.id === id);
    const { zone, executable } = this.#specs[at] ?? { zone: undefined };
    const count = this.#specs.length;
    const others = this.#ports.slice(count).filter((_, index) => index !== at);
    const words = [
      `--port=${this.#ports[at]}`,
      `--node-id=${id}`,
      `--data-dir=${join(this.#folder, id)}`,
      `--raft-bind-addr=127.0.0.1:${this.#ports[count + at]}`,
      "--join-token=secret",
      ...(zone === undefined ? [] : [`--zone=${zone}`]),
      ...(at === 0 ? ["--bootstrap"] : others.map((port) => `--join=127.0.0.1:${port}`)),
      ...this.#flags,
    ];
    const more = { isReadyAwaited: true, ...(executable === undefined ? {} : { executable }) };
    const agent = await startAgent(words, {}, more);
    this.agents.set(id, agent);
    return agent;
  }

  async startAll(): Promise<void> {
    for (const { id } of this.#specs) await this.start(id);
  }

  logOf(id: string): string {
    return this.agents.get(id)?.log() ?? "";
  }

  urlOf(id: string): string {
    return this.agents.get(id)?.url ?? "";
  }

  /** Until some node that runs takes a write: a change of voters or leaders may cost an election. */
  async untilWritable(key = "probe"): Promise<void> {
    for (;;) {
      for (const { url } of this.agents.values()) {
        const signal = AbortSignal.timeout(5000);
        const answer = await fetch(`${url}/kv/${key}`, { method: "PUT", body: "x", signal }).catch(() => undefined);
        if (answer?.status === 200) return;
      }
      await Bun.sleep(100);
    }
  }

  /** Cut off from all others, with everything it had open: the process stands still. */
  pause(id: string): void {
    this.agents.get(id)?.child.kill("SIGSTOP");
  }

  resume(id: string): void {
    this.agents.get(id)?.child.kill("SIGCONT");
  }

  async kill(id: string): Promise<void> {
    await this.agents.get(id)?.end("SIGKILL");
    this.agents.delete(id);
  }

  /** Waits until the leader, as one of the nodes that run knows it, sees what is wanted. */
  async until(isReached: (state: ClusterState) => boolean): Promise<ClusterState> {
    for (;;) {
      for (const { url } of this.agents.values()) {
        const state = await stateOf(url);
        if (state !== undefined && isReached(state)) return state;
      }
      await Bun.sleep(50);
    }
  }
}

interface Answer {
  readonly index?: number;
  readonly outgoing?: readonly string[];
  readonly stats?: { readonly commit_index: number };
  readonly partial?: boolean;
  readonly leader?: { readonly id: string; readonly http_address: string } | string | null;
  readonly nodes?: readonly { readonly id: string; readonly voter: boolean }[];
  readonly servers?: readonly { readonly id: string; readonly healthy: boolean; readonly waits_for: string | null }[];
}

async function get(url: string): Promise<Answer | undefined> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const body: Answer = Object(await answer.json().catch(() => ({})));
  return body;
}

/**
 * Undefined: this node does not lead, does not answer, or a change of the members is under way: who kills the next node then
 * may take the quorum of the old voters.
 */
export async function stateOf(url: string): Promise<ClusterState | undefined> {
  const paths = ["/cluster/config", "/cluster/status", "/cluster/autopilot/state"];
  const [config, status, autopilot] = await Promise.all(paths.map(async (path) => get(`${url}${path}`)));
  if (config === undefined || status === undefined || autopilot === undefined) return undefined;
  const isCommitted = (config.index ?? Infinity) <= (status.stats?.commit_index ?? 0);
  if (status.partial === true || !isCommitted || config.outgoing?.length !== 0) return undefined;
  const { nodes = [], leader } = status;
  // The others answer with what it says, but their own log may be behind.
  if (typeof leader !== "object" || leader?.http_address !== new URL(url).host) return undefined;
  const servers = autopilot.servers ?? [];
  return {
    leader: leader.id,
    voters: nodes
      .filter(({ voter }) => voter)
      .map(({ id }) => id)
      .toSorted(),
    members: nodes.map(({ id }) => id).toSorted(),
    healthy: servers
      .filter(({ healthy }) => healthy)
      .map(({ id }) => id)
      .toSorted(),
    waiting: new Map(servers.flatMap(({ id, waits_for: why }) => (why === null ? [] : [[id, why] as const]))),
  };
}

/**
 * What autopilot makes of the servers of a cluster. Pure; behaves as hashicorp/raft-autopilot does to the number
 * (`isHealthy`, `StableSince`, `FailureTolerance`, order of voters). Times in ms.
 */
export interface ServerFacts {
  readonly id: string;
  readonly suffrage: "voter" | "non-voter" | "staging";
  /** Somebody knows of a process behind it, and that it runs. */
  readonly isAlive: boolean;
  /** Undefined: nothing new is known of it. */
  readonly stats: ServerStats | undefined;
}

export interface ServerStats {
  /** Since the leader was heard; 0 for the leader. Negative: never. */
  readonly lastContactMs: number;
  readonly lastTerm: number;
  readonly lastIndex: number;
}

export interface ServerState {
  readonly id: string;
  readonly state: "leader" | "voter" | "non-voter" | "staging";
  readonly stats: ServerStats;
  readonly isHealthy: boolean;
  /** Since when it has been healthy, or has not. */
  readonly stableSince: number;
  /** Why it is not healthy, for people. */
  readonly reasons: readonly string[];
}

export interface ClusterHealth {
  readonly isHealthy: boolean;
  /** Voters that may fail with a quorum left. */
  readonly failureTolerance: number;
  readonly servers: ReadonlyMap<string, ServerState>;
  /** Empty: none. */
  readonly leader: string;
  /** The leader first, then those that are healthy, for longer first. */
  readonly voters: readonly string[];
}

export interface HealthTerms {
  readonly lastContactThresholdMs: number;
  readonly trailingLogsMax: number;
}

export interface HealthInput {
  readonly now: number;
  readonly terms: HealthTerms;
  /** Empty: none is known. */
  readonly leader: string;
  /** The last log entry of the leader; undefined: as its stats say. */
  readonly leaderLast: { readonly term: number; readonly index: number } | undefined;
  readonly servers: readonly ServerFacts[];
  readonly before: ClusterHealth | undefined;
}

const NOTHING: ServerStats = { lastContactMs: 0, lastTerm: 0, lastIndex: 0 };

export function assessHealth(input: HealthInput): ClusterHealth {
  const servers = new Map<string, ServerState>();
  for (const facts of input.servers) servers.set(facts.id, assess(input, facts));
  const all = [...servers.values()];
  const voters = all.filter(({ state }) => state === "leader" || state === "voter");
  const healthyVoters = voters.filter(({ isHealthy }) => isHealthy).length;
  const quorum = Math.floor(voters.length / 2) + 1;
  return {
    isHealthy: all.every(({ isHealthy }) => isHealthy),
    failureTolerance: Math.max(0, healthyVoters - quorum),
    servers,
    leader: input.leader,
    voters: voters.toSorted(compareServers).map(({ id }) => id),
  };
}

function assess({ now, terms, leader, leaderLast, servers, before }: HealthInput, facts: ServerFacts): ServerState {
  const known = before?.servers.get(facts.id);
  const stats = facts.stats ?? known?.stats ?? NOTHING;
  const leaderStats = servers.find(({ id }) => id === leader)?.stats;
  const last = leaderLast ?? { term: leaderStats?.lastTerm ?? 0, index: leaderStats?.lastIndex ?? 0 };
  const reasons = problemsOf(facts, stats, last, terms, leader);
  const isHealthy = reasons.length === 0;
  const stableSince = known !== undefined && known.isHealthy === isHealthy ? known.stableSince : now;
  const state = facts.id === leader ? "leader" : facts.suffrage;
  return { id: facts.id, state, stats, isHealthy, stableSince, reasons };
}

// oxlint-disable-next-line max-params -- all of it decides
function problemsOf(
  { isAlive }: ServerFacts,
  { lastContactMs, lastTerm, lastIndex }: ServerStats,
  last: { readonly term: number; readonly index: number },
  terms: HealthTerms,
  leader: string,
): readonly string[] {
  if (leader === "" || last.index === 0 || last.term === 0) return ["no node leads"];
  const reasons: string[] = [];
  if (!isAlive) reasons.push("its process is not there");
  if (lastContactMs < 0) reasons.push("it was never heard");
  if (lastContactMs > terms.lastContactThresholdMs) reasons.push(`not heard for ${Math.round(lastContactMs)} ms`);
  if (lastTerm !== last.term) reasons.push(`its log ends in term ${lastTerm}, the leader's in ${last.term}`);
  if (lastIndex + terms.trailingLogsMax < last.index) reasons.push(`${last.index - lastIndex} entries behind`);
  return reasons;
}

function compareServers(a: ServerState, b: ServerState): number {
  if (a.state !== b.state) return a.state === "leader" ? -1 : b.state === "leader" ? 1 : 0;
  if (a.isHealthy !== b.isHealthy) return a.isHealthy ? -1 : 1;
  if (a.stableSince !== b.stableSince) {
    return (a.isHealthy ? 1 : -1) * (a.stableSince - b.stableSince);
  }
  return a.id < b.id ? -1 : 1;
}

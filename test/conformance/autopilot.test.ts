import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { assessHealth, type ClusterHealth, type ServerState, type ServerStats } from "../../src/cluster/index.ts";
import { findOutside } from "./outside-vectors.ts";

const folder = findOutside("raft-autopilot");
const NS_PER_MS = 1e6;

interface Stats {
  readonly LastContact?: number;
  readonly LastTerm: number;
  readonly LastIndex: number;
}
interface Server {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly NodeStatus: string;
  readonly Version: string;
  readonly RaftVersion: number;
}
interface Known {
  readonly State: ServerState["state"];
  readonly Stats: Stats;
  readonly Health: { readonly Healthy: boolean; readonly StableSince: string };
}
interface Inputs {
  readonly Now: string;
  readonly Config: { readonly LastContactThreshold: number; readonly MaxTrailingLogs: number };
  readonly CurrentState: { readonly Servers?: Readonly<Record<string, Known>> };
  readonly RaftConfig: {
    readonly Servers: readonly { readonly ID: string; readonly Suffrage: number; readonly Address: string }[];
  };
  readonly KnownServers: Readonly<Record<string, Server>>;
  readonly AliveServers: Readonly<Record<string, unknown>>;
  readonly FetchedStats: Readonly<Record<string, Stats>>;
  readonly LatestIndex: number;
  readonly LastTerm: number;
  readonly LeaderID: string;
  readonly IsLeader?: boolean;
}

function toStats({ LastContact = 0, LastTerm, LastIndex }: Stats): ServerStats {
  return { lastContactMs: LastContact / NS_PER_MS, lastTerm: LastTerm, lastIndex: LastIndex };
}

function before({ Servers = {} }: Inputs["CurrentState"]): ClusterHealth {
  const servers = Object.entries(Servers).map(([id, { State, Stats: stats, Health }]) => {
    const state: ServerState = {
      id,
      state: State,
      stats: toStats(stats),
      isHealthy: Health.Healthy,
      stableSince: Date.parse(Health.StableSince),
      reasons: [],
    };
    return [id, state] as const;
  });
  return { isHealthy: false, failureTolerance: 0, servers: new Map(servers), leader: "", voters: [] };
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");

/** The state as the library prints it. */
function print(inputs: Inputs, state: ClusterHealth): string {
  const servers = [...state.servers.values()]
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((one) => {
      const Address = inputs.RaftConfig.Servers.find(({ ID }) => ID === one.id)?.Address;
      const { ID, Name, NodeStatus, Version, RaftVersion } = inputs.KnownServers[one.id] ?? { ID: one.id };
      const { lastContactMs, lastTerm, lastIndex } = one.stats;
      const known = { ID, Name, Address, NodeStatus, Version, Meta: null, RaftVersion };
      return [
        one.id,
        {
          Server: { ...known, IsLeader: one.state === "leader", NodeType: "voter", Ext: null },
          State: one.state,
          Stats: { LastContact: lastContactMs * NS_PER_MS, LastTerm: lastTerm, LastIndex: lastIndex },
          Health: { Healthy: one.isHealthy, StableSince: iso(one.stableSince) },
        },
      ] as const;
    });
  return JSON.stringify(
    {
      Healthy: state.isHealthy,
      FailureTolerance: state.failureTolerance,
      Servers: Object.fromEntries(servers),
      Leader: state.leader,
      Voters: state.voters,
      Ext: null,
    },
    undefined,
    3,
  );
}

const SUFFRAGE = ["voter", "non-voter", "staging"] as const;

describe("autopilot's state, byte for byte as hashicorp/raft-autopilot's", () => {
  if (folder === undefined) {
    test.skip("the outside vectors are not here", () => undefined);
    return;
  }
  const names = readdirSync(folder);
  test("there are seven", () => expect(names).toHaveLength(7));
  for (const name of names) {
    test(name, () => {
      const inputs: Inputs = JSON.parse(readFileSync(join(folder, name, "inputs.json"), "utf8"));
      const golden = readFileSync(join(folder, name, "state.json.golden"), "utf8");
      const state = assessHealth({
        now: Date.parse(inputs.Now),
        terms: {
          lastContactThresholdMs: inputs.Config.LastContactThreshold / NS_PER_MS,
          trailingLogsMax: inputs.Config.MaxTrailingLogs,
        },
        leader: inputs.LeaderID,
        leaderLast: inputs.IsLeader === true ? { term: inputs.LastTerm, index: inputs.LatestIndex } : undefined,
        servers: inputs.RaftConfig.Servers.map(({ ID, Suffrage }) => {
          const stats = inputs.FetchedStats[ID];
          return {
            id: ID,
            suffrage: SUFFRAGE[Suffrage] ?? "voter",
            isAlive: inputs.AliveServers[ID] !== undefined,
            stats: stats === undefined ? undefined : toStats(stats),
          };
        }),
        before: before(inputs.CurrentState),
      });
      expect(print(inputs, state)).toBe(golden.trimEnd());
    });
  }
});

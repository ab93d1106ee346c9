import type { Judgement, PlannedServer } from "./plan-types.ts";

/** With fewer voters nobody may fail, however few zones there are. */
const VOTERS_MIN = 3;

/**
 * One voter in each zone, its best server; a zone without one is stood in for by another zone, so that the number of
 * voters stays. Voters that do well stay voters: nothing changes for the sake of change.
 */
export function votersByZone(
  servers: readonly PlannedServer[],
  { isReady, isFailed }: Judgement,
): readonly PlannedServer[] {
  const zones = new Map<string, PlannedServer[]>();
  for (const server of servers) {
    if (!server.isVoter && server.isNonVoter) continue;
    const name = server.zone === "" ? `\0${server.id}` : server.zone;
    zones.set(name, [...(zones.get(name) ?? []), server]);
  }
  const usable = (server: PlannedServer): boolean => (server.isVoter ? !isFailed(server) : isReady(server));
  const lists = [...zones.values()].map((list) => list.filter(usable).toSorted(compare));
  const wanted = lists.flatMap(([best]) => best ?? []);
  const countMin = Math.max(zones.size, VOTERS_MIN);
  // Second servers of a zone before third ones, so that no zone gets more of them than it must.
  for (let rank = 1; wanted.length < countMin && lists.some((list) => list.length > rank); rank += 1) {
    const next = lists.flatMap((list) => list[rank] ?? []).toSorted(compare);
    wanted.push(...next.slice(0, countMin - wanted.length));
  }
  const failed = servers.filter(isFailed);
  return [...wanted, ...failed.slice(0, Math.max(0, countMin - wanted.length))];
}

/** Who should rather be the voter: the leader, then voters, then who has been healthy for longer. */
function compare(a: PlannedServer, b: PlannedServer): number {
  if (a.isLeader !== b.isLeader) return a.isLeader ? -1 : 1;
  if (a.isVoter !== b.isVoter) return a.isVoter ? -1 : 1;
  if (a.isHealthy !== b.isHealthy) return a.isHealthy ? -1 : 1;
  return b.stableMs - a.stableMs || (a.id < b.id ? -1 : 1);
}

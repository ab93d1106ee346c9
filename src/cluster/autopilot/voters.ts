import { planMigration } from "./migration.ts";
import type { Action, Judgement, Plan, PlanInput, PlannedServer } from "./plan-types.ts";
import { votersByZone } from "./zones.ts";

/** A lone second voter makes the cluster need both: it waits this long for a third one to come along. */
const LONE_MS = 3_000;
/** Nobody takes over from a voter that was silent for a moment. */
const FAILED_MS_MIN = 2_000;

/** Which servers should vote, and what the others wait for. */
export function planVoters(input: PlanInput): Plan {
  const { servers, settings, isForming } = input;
  const neededMs = isForming ? 0 : settings.stabilizationMs;
  const judgement: Judgement = {
    isReady: (server) => isCandidate(server) && server.isHealthy && server.isCaughtUp && server.stableMs >= neededMs,
    isFailed: ({ isVoter, isHealthy, stableMs }) =>
      isVoter && !isHealthy && stableMs >= Math.max(FAILED_MS_MIN, settings.stabilizationMs),
  };
  const migration = planMigration(servers, settings, judgement);
  const free = migration.held.length === 0 ? judgement : exceptFor(judgement, migration.held);
  const wanted = migration.wanted ?? wantedVoters(servers, settings.hasRedundancyZones, free);
  const waiting = [...migration.held, ...unready(servers, migration.held, wanted, neededMs)];
  return { action: changeTo(wanted, servers, migration.reason ?? reasonOf(settings.hasRedundancyZones)), waiting };
}

function isCandidate({ isVoter, isNonVoter }: PlannedServer): boolean {
  return !isVoter && !isNonVoter;
}

function exceptFor({ isReady, isFailed }: Judgement, held: Plan["waiting"]): Judgement {
  const ids = new Set(held.map(({ id }) => id));
  return { isReady: (server) => !ids.has(server.id) && isReady(server), isFailed };
}

function wantedVoters(
  servers: readonly PlannedServer[],
  hasZones: boolean,
  judgement: Judgement,
): readonly PlannedServer[] {
  if (hasZones) return votersByZone(servers, judgement);
  return servers.filter((server) => server.isVoter || judgement.isReady(server));
}

function reasonOf(hasZones: boolean): string {
  return hasZones ? "one voter in each zone" : "healthy for long enough";
}

/** Undefined: the voters are as they should be, or it is not the time to change them. */
function changeTo(
  wanted: readonly PlannedServer[],
  servers: readonly PlannedServer[],
  reason: string,
): Action | undefined {
  const voters = servers.filter(({ isVoter }) => isVoter);
  const promoted = wanted.filter(({ isVoter }) => !isVoter);
  const demoted = voters.filter((server) => !wanted.includes(server));
  const [first] = promoted;
  if (promoted.length + demoted.length === 0) return undefined;
  const isLone = voters.length === 1 && wanted.length === 2;
  if (isLone && first !== undefined && first.stableMs < LONE_MS) return undefined;
  // Both halves must be able to agree, or it would stand still in the middle.
  if (!hasLivingMajority(voters) || !hasLivingMajority(wanted)) return undefined;
  return { kind: "voters", promote: promoted.map(({ id }) => id), demote: demoted.map(({ id }) => id), reason };
}

function hasLivingMajority(voters: readonly PlannedServer[]): boolean {
  return voters.filter(({ isHealthy, isLeader }) => isHealthy || isLeader).length * 2 > voters.length;
}

function unready(
  servers: readonly PlannedServer[],
  held: Plan["waiting"],
  wanted: readonly PlannedServer[],
  neededMs: number,
): Plan["waiting"] {
  return servers
    .filter((server) => isCandidate(server) && !wanted.includes(server) && !held.some(({ id }) => id === server.id))
    .map((server) => ({ id: server.id, reason: whyUnready(server, neededMs) }));
}

function whyUnready({ isHealthy, isCaughtUp, stableMs, zone }: PlannedServer, neededMs: number): string {
  if (!isHealthy) return "it is not healthy";
  if (!isCaughtUp) return "it has not caught up yet";
  if (stableMs < neededMs) return `healthy for ${Math.round(stableMs / 1000)} s of ${Math.round(neededMs / 1000)} s`;
  return `it stands by in zone ${zone}`;
}

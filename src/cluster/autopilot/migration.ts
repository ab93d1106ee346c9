import type { Judgement, Plan, PlannedServer } from "./plan-types.ts";
import type { AutopilotSettings } from "./settings.ts";
import { votersByZone } from "./zones.ts";

export interface Migration {
  /** The voters after the exchange; undefined: there is none to be done now. */
  readonly wanted: readonly PlannedServer[] | undefined;
  readonly reason: string | undefined;
  /** Servers that must not become voters for now. */
  readonly held: Plan["waiting"];
}

/**
 * Servers of a newer release that came beside the old ones take over from them together, in one change: as soon as they are
 * as many as the voters. Where a voter runs that release already, the release is being changed in place, and nobody is
 * exchanged.
 */
export function planMigration(
  servers: readonly PlannedServer[],
  { hasUpgradeMigration, hasRedundancyZones }: AutopilotSettings,
  judgement: Judgement,
): Migration {
  const voters = servers.filter(({ isVoter }) => isVoter);
  const candidates = servers.filter(({ isVoter, isNonVoter }) => !isVoter && !isNonVoter);
  const none = { wanted: undefined, reason: undefined };
  if (!hasUpgradeMigration) return { ...none, held: [] };
  const [newestVoter, oldestVoter] = [newest(voters), oldest(voters)];
  const outdated = candidates.filter(({ version }) => isOlder(version, oldestVoter));
  const held = outdated.map(({ id, version }) => ({
    id,
    reason: `it runs ${version}, which is older than what every voter runs`,
  }));
  const target = newest(candidates);
  if (!isOlder(newestVoter, target)) return { ...none, held };
  const arrived = candidates.filter(({ version }) => !isOlder(version, target) && !isOlder(target, version));
  const ready = arrived.filter(judgement.isReady);
  const successors = hasRedundancyZones ? votersByZone(ready, judgement) : ready;
  if (successors.length >= voters.length) {
    return { wanted: successors, reason: `release ${target} takes over from ${newestVoter}`, held };
  }
  const reason = `${successors.length} of ${voters.length} servers of release ${target} are ready to take over`;
  return { ...none, held: [...held, ...arrived.map(({ id }) => ({ id, reason }))] };
}

/** Empty: there are no servers. */
function newest(servers: readonly PlannedServer[]): string {
  return servers.reduce((best, { version }) => (isOlder(best, version) ? version : best), servers[0]?.version ?? "");
}

function oldest(servers: readonly PlannedServer[]): string {
  return servers.reduce((best, { version }) => (isOlder(version, best) ? version : best), servers[0]?.version ?? "");
}

/** Versions that cannot be read as such are taken for equal to all: nothing is exchanged because of them. */
function isOlder(a: string, b: string): boolean {
  return isVersion(a) && isVersion(b) && Bun.semver.order(a, b) < 0;
}

function isVersion(text: string): boolean {
  return /^\d+\.\d+\.\d+/.test(text);
}

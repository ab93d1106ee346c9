import { nextDeadServer } from "./dead-servers.ts";
import type { Action, Plan, PlanInput } from "./plan-types.ts";
import { planVoters } from "./voters.ts";

/** What a leader should do next about its servers. Pure. */
export function plan(input: PlanInput): Plan {
  const { action, waiting } = planVoters(input);
  return { action: handOver(input) ?? action ?? cleanUp(input), waiting };
}

/** A leader that cannot do its work lets somebody do it who can: the voter that has been healthy for the longest. */
function handOver({ ownTrouble, servers }: PlanInput): Action | undefined {
  if (ownTrouble === undefined) return undefined;
  const [target] = servers
    .filter(({ isVoter, isLeader, isHealthy }) => isVoter && !isLeader && isHealthy)
    .toSorted((a, b) => b.stableMs - a.stableMs || (a.id < b.id ? -1 : 1));
  return target === undefined ? undefined : { kind: "transfer", to: target.id, reason: ownTrouble };
}

function cleanUp({ servers, settings, ledMs }: PlanInput): Action | undefined {
  const { cleanupDeadServers, deadServerAfterMs, stabilizationMs, minQuorum } = settings;
  // Who leads for less has had no time to hear everybody.
  if (!cleanupDeadServers || ledMs < Math.max(stabilizationMs, deadServerAfterMs)) return undefined;
  const seen = servers.map(({ id, isVoter, isNonVoter, silentMs }) => ({
    id,
    isVoter,
    mayVote: isVoter || !isNonVoter,
    isDead: silentMs >= deadServerAfterMs,
  }));
  const id = nextDeadServer(seen, minQuorum);
  return id === undefined ? undefined : { kind: "remove", id, reason: "it was not heard for too long" };
}

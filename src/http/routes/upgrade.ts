import { CLUSTER_VERSION_MIN } from "../../base/index.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { refuseParameters } from "../query.ts";
import type { Responder } from "../respond.ts";
import { finish, notLeading, type MembershipCall } from "./membership.ts";

interface Standing {
  readonly current: number;
  /** The highest version that all members understand. */
  readonly reachable: number;
  /** Members that understand less than another one does. */
  readonly behind: readonly string[];
}

function standing(deps: HttpDeps): Standing {
  const { membership } = deps.replica.status().core;
  const members = [...membership.members.values()];
  const known = members.map(({ commandVersion }) => commandVersion);
  const best = Math.max(...known);
  const behind = members
    .filter(({ commandVersion }) => commandVersion < best)
    .map(({ id, version, commandVersion }) => `${id} (release ${version}) understands ${commandVersion} at most`);
  return { current: membership.clusterVersion, reachable: Math.min(...known), behind };
}

export function upgradeStatus(deps: HttpDeps, respond: Responder): Response {
  const { current, reachable, behind } = standing(deps);
  const { membership } = deps.replica.status().core;
  return respond.json({
    cluster_version: current,
    /** What `finalize` would raise it to. */
    next_version: reachable > current ? reachable : null,
    behind,
    members: [...membership.members].map(([key, { id, version, commandVersion }]) => ({
      id,
      version,
      voter: membership.voters.includes(key),
      cluster_versions: { min: CLUSTER_VERSION_MIN, max: commandVersion },
    })),
  });
}

/** Raises the cluster version to what all members understand: from then on older releases are shut out, for good. */
export async function finalizeUpgrade(deps: HttpDeps, { url, respond }: MembershipCall): Promise<Response> {
  refuseParameters(url);
  if (deps.replica.status().core.role !== "leader") throw notLeading(deps, url);
  const { current, reachable, behind } = standing(deps);
  if (reachable <= current) {
    if (behind.length === 0) return respond.json({ message: "Nothing to raise", cluster_version: current });
    const why = `Nothing was raised: ${behind.join(", ")}. Upgrade it first, or let it leave`;
    throw new ApiError("conflict", why, { fields: { reason: "unsupported-version" } });
  }
  const outcome = await deps.replica.change([{ kind: "raise-version", version: reachable }]);
  finish(outcome, url, "The cluster version was not raised");
  deps.logger.warn("The cluster version was raised: older releases cannot be part of it any more", {
    cluster_version: reachable,
    request_id: respond.requestId,
  });
  return respond.json({ message: "Raised", cluster_version: reachable });
}

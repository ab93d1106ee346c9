import type { MemberKey } from "../base/index.ts";
import { spareVoters, type NodeStatus } from "../node/index.ts";

type Memberships = Pick<NodeStatus["core"], "membership" | "committedMembership">;

/**
 * Voters that may fail, whichever they are, with a quorum left. While a change of the members is under way the old voters
 * still decide, too: a cluster that is to grow from one voter to three loses everything with that one until it is over.
 */
export function failureTolerance(
  { membership, committedMembership }: Memberships,
  isHealthy: (key: MemberKey) => boolean,
): number {
  return Math.max(0, Math.min(spareVoters(membership, isHealthy), spareVoters(committedMembership, isHealthy)));
}

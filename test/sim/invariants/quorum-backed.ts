import type { LogIndex, MemberKey } from "../../../src/base/index.ts";
import type { Membership } from "../../../src/raft/index.ts";
import type { LogImage } from "../disk/log-image.ts";
import type { Fail } from "./reporter.ts";

function majorityHas(keys: readonly MemberKey[], has: (key: MemberKey) => boolean): boolean {
  return keys.filter(has).length * 2 > keys.length;
}

/** A quorum of either half of this membership has it durably. */
export function isBacked(membership: Membership, has: (key: MemberKey) => boolean): boolean {
  const { voters, outgoing } = membership;
  return majorityHas(voters, has) && (outgoing.length === 0 || majorityHas(outgoing, has));
}

/**
 * An entry that is applied for the first time is on the disks of a quorum: of the membership in force at the leader
 * that committed it, which is the committed or the effective one of the node that applies it.
 */
export function checkBacked(
  committed: { readonly index: LogIndex; readonly chain: number },
  memberships: readonly Membership[],
  use: { readonly imageOf: (key: MemberKey) => LogImage | undefined; readonly fail: Fail },
): void {
  const has = (key: MemberKey): boolean => {
    const image = use.imageOf(key);
    if (image === undefined) return false;
    return image.base.index > committed.index || image.idAt(committed.index)?.chain === committed.chain;
  };
  if (memberships.some((membership) => isBacked(membership, has))) return;
  const holders = memberships.map(({ voters }) => `${voters.filter(has).length} of ${voters.length}`).join(", ");
  use.fail(
    "commit is quorum-backed",
    `entry ${committed.index} is committed and on the disks of only ${holders} voters`,
  );
}

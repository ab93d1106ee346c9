import type { SnapshotMeta } from "../../../src/raft/index.ts";
import type { CommittedLog } from "./committed-log.ts";
import type { MembershipSafety } from "./membership-safety.ts";
import type { Fail } from "./reporter.ts";

/** A snapshot is the state at its index: same entry, same state, same membership. */
export function checkSnapshot(
  meta: SnapshotMeta,
  truth: { readonly log: CommittedLog; readonly memberships: MembershipSafety },
  fail: Fail,
): void {
  const committed = truth.log.at(meta.index);
  if (committed === undefined) {
    fail("snapshot is the state", `snapshot ${meta.id} holds index ${meta.index}, which nobody has committed`);
  }
  const { entry, stateHash } = committed;
  if (entry.term !== meta.term || entry.chain !== meta.chain) {
    fail("snapshot is the state", `snapshot ${meta.id} ends in another entry than was committed at ${meta.index}`);
  }
  if (stateHash !== meta.stateHash) {
    fail("snapshot is the state", `snapshot ${meta.id} has state ${meta.stateHash}, the state there was ${stateHash}`);
  }
  const inForce = truth.memberships.at(meta.index);
  if (inForce === undefined || inForce.index !== meta.membershipIndex) {
    fail(
      "snapshot is the state",
      `snapshot ${meta.id} has the membership of ${meta.membershipIndex}, in force was that of ${inForce?.index ?? 0}`,
    );
  }
  const wanted = inForce.membership.voters.toSorted().join();
  if (meta.membership.voters.toSorted().join() !== wanted) {
    fail("snapshot is the state", `snapshot ${meta.id} names other voters than the membership of ${inForce.index}`);
  }
}

import type { LogIndex, MemberKey } from "../../../src/base/index.ts";
import type { CoreStatus, Membership } from "../../../src/raft/index.ts";
import type { LogImage } from "../disk/log-image.ts";
import type { Fail } from "./reporter.ts";

/**
 * A leader appends a membership only when the one before and an entry of its own term are committed: else two
 * memberships without a common quorum may decide at the same time. @see thesis §4.1
 */
export class ChangeGates {
  readonly #fail: Fail;
  /** The newest membership seen in each leadership. */
  readonly #last = new Map<string, LogIndex>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** A membership came into force at a leader. */
  onMembership(
    leader: { readonly key: MemberKey; readonly durable: LogImage },
    { index, membership }: { readonly index: LogIndex; readonly membership: Membership },
    at: CoreStatus,
  ): void {
    if (at.role !== "leader" || index <= at.commit) return;
    const name = `${leader.key} ${at.term}`;
    // The one before in this log, whether it is committed or not.
    const last = Math.max(at.committedMembershipIndex, this.#last.get(name) ?? 0);
    if (index <= last) return;
    this.#last.set(name, index);
    if (last > at.commit) {
      this.#fail(
        "one change at a time",
        `${leader.key} changes the members at ${index}, that of ${last} is not committed`,
      );
    }
    for (const { key, match } of at.peers) {
      if (match > 0 || !membership.voters.includes(key) || at.committedMembership.voters.includes(key)) continue;
      this.#fail(
        "voters have caught up",
        `${leader.key} makes ${key} a voter at ${index}, and knows nothing on its disk`,
      );
    }
    const committed = leader.durable.idAt(at.commit);
    // Behind what is durable the disk may still hold what the log has given up.
    if (committed === undefined || committed.term === at.term || at.commit > at.durableIndex) return;
    this.#fail(
      "changes wait for the own term",
      `${leader.key} changes the members at ${index} in term ${at.term}, committed is an entry of term ${committed.term}`,
    );
  }
}

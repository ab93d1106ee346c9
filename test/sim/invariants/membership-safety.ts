import type { LogIndex, MemberKey } from "../../../src/base/index.ts";
import { decodeMembership, type Entry, type Membership } from "../../../src/raft/index.ts";
import type { Fail } from "./reporter.ts";

function overlap(before: readonly MemberKey[], after: readonly MemberKey[]): boolean {
  const gone = before.filter((key) => !after.includes(key)).length;
  const come = after.filter((key) => !before.includes(key)).length;
  return gone + come <= 1;
}

function isSame(a: readonly MemberKey[], b: readonly MemberKey[]): boolean {
  return a.length === b.length && a.every((key) => b.includes(key));
}

/** Every majority of one meets every majority of the other: one voter's difference, or through a joint membership. */
export function haveCommonQuorums(before: Membership, after: Membership): boolean {
  const wasJoint = before.outgoing.length > 0;
  const isJoint = after.outgoing.length > 0;
  if (!wasJoint && !isJoint) return overlap(before.voters, after.voters);
  if (!wasJoint) return isSame(before.voters, after.outgoing);
  if (!isJoint) return isSame(before.voters, after.voters);
  return isSame(before.voters, after.voters) && isSame(before.outgoing, after.outgoing);
}

/** Each committed membership has quorums in common with the one before it, and is well formed. @see thesis §4.1 */
export class MembershipSafety {
  readonly #fail: Fail;
  /** Every pair that ever was a member. */
  readonly seen = new Set<MemberKey>();
  readonly #committed: { readonly index: LogIndex; readonly membership: Membership }[] = [];

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  get current(): Membership | undefined {
    return this.#committed.at(-1)?.membership;
  }

  get currentIndex(): LogIndex {
    return this.#committed.at(-1)?.index ?? 0;
  }

  /** The membership that was committed last at or before an index. */
  at(index: LogIndex): { readonly index: LogIndex; readonly membership: Membership } | undefined {
    return this.#committed.findLast((known) => known.index <= index);
  }

  onCommitted(entry: Entry): Membership {
    const membership = decodeMembership(entry.data);
    const { voters, learners } = membership;
    if (voters.length === 0) this.#fail("membership safety", `the membership at ${entry.index} has no voters`);
    const both = voters.find((key) => learners.includes(key));
    if (both !== undefined) this.#fail("membership safety", `${both} is voter and learner at ${entry.index}`);
    const before = this.current;
    if (before !== undefined && !haveCommonQuorums(before, membership)) {
      this.#fail(
        "membership safety",
        `the membership at ${entry.index} (${voters.join(", ")}) need not meet a quorum of the one before (${before.voters.join(", ")})`,
      );
    }
    for (const key of membership.members.keys()) this.seen.add(key);
    this.#committed.push({ index: entry.index, membership });
    return membership;
  }
}

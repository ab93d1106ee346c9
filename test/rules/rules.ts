/** The rules of Raft that this project holds itself to are numbered from 1; every one has a test or stands below. */
export const RULE_COUNT = 87;

/** Rules about a mechanism that does not exist here, with the reason. A rule with a test may not stand here. */
export const NOT_APPLICABLE: ReadonlyMap<number, string> = new Map([
  [
    15,
    "an RPC timeout below the election timeout: peers send one-way messages and wait for no answer, so no call can outlive an election",
  ],
  [
    40,
    "no campaign with committed but unapplied memberships: a membership takes effect when it is appended, not when it is applied",
  ],
  [72, "when a read lease starts and ends: there are no lease reads, every linearizable read asks a quorum"],
  [73, "when a read lease is void: there are no lease reads"],
  [74, "a restarted voter that waits so as not to break a read lease: there are no lease reads"],
  [75, "lease reads demand check-quorum: there are no lease reads, and check-quorum cannot be turned off"],
]);

import { expect, test } from "bun:test";
import { Cluster } from "../../src/raft/testing/cluster.ts";

const IDS = ["a", "b", "c"] as const;

/** More than ten election timeouts of the test cluster, whose timers are random in [1000, 2000) ms. */
const LONG_MS = 30_000;

/** Leaders that all running nodes know: one name when they agree. */
function leadersKnown(cluster: Cluster): (string | undefined)[] {
  return [...new Set([...cluster.nodes.values()].map((node) => node.status.leader))];
}

for (const from of IDS) {
  for (const to of IDS.filter((id) => id !== from)) {
    test(`rule 85: with the link from ${from} to ${to} dead one way, a leader is there and commits (canonical/raft #279)`, () => {
      const cluster = new Cluster(IDS, 85);
      cluster.elect();
      cluster.cut.add(`${from}>${to}`);
      cluster.run(LONG_MS);
      const leader = cluster.leader;
      if (leader === undefined) throw new Error("There must be a leader");
      const before = leader.status.commit;
      leader.propose(1, 7);
      cluster.run(LONG_MS);
      expect(Math.max(...[...cluster.nodes.values()].map((node) => node.status.commit))).toBeGreaterThan(before);
      cluster.heal();
      cluster.run(LONG_MS);
      expect(leadersKnown(cluster)).toHaveLength(1);
    });
  }
}

test("rule 87: nodes whose timers run out together elect a leader in bounded rounds, whatever the seed", () => {
  for (let seed = 1; seed <= 25; seed += 1) {
    const cluster = new Cluster(["a", "b", "c", "d", "e"], seed);
    // All nodes start at the same moment: every first timer is of the same round.
    cluster.run(LONG_MS);
    const leader = cluster.leader;
    if (leader === undefined) throw new Error(`No leader with seed ${seed}`);
    expect({ seed, leaders: leadersKnown(cluster).length }).toEqual({ seed, leaders: 1 });
    // The bootstrapped log is of term 1; every further term is a round that failed.
    expect(leader.status.term).toBeLessThan(8);
  }
});

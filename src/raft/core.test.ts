import { expect, test } from "bun:test";
import { Cluster } from "./testing/cluster.ts";

for (const size of [1, 2, 3, 5, 7]) {
  test(`a cluster of ${size} elects, commits and applies everywhere`, () => {
    const cluster = new Cluster(["a", "b", "c", "d", "e", "f", "g"].slice(0, size), size);

    const leader = cluster.elect();
    leader.propose(1, 7, 8, 9);
    cluster.run(200);

    expect(leader.accepted).toEqual([{ request: 1, index: 3, count: 3, term: leader.status.term }]);
    for (const node of cluster.nodes.values()) {
      const commands = node.applied.filter(({ kind }) => kind === "command").map(({ data }) => data[0]);
      expect(commands).toEqual([7, 8, 9]);
      expect(node.status.commit).toBe(5);
    }
  });
}

test("a read on leader and follower is answered with an index that covers earlier writes", () => {
  const cluster = new Cluster(["a", "b", "c"]);
  const leader = cluster.elect();
  leader.propose(1, 1);
  cluster.settle();
  const [follower] = cluster.followers();

  leader.step({ kind: "read", request: 2 });
  follower?.step({ kind: "read", request: 2 });
  cluster.settle();

  expect(leader.reads).toEqual([{ request: 2, index: 3 }]);
  expect(follower?.reads).toEqual([{ request: 2, index: 3 }]);
});

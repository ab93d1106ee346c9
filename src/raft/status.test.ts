import { expect, test } from "bun:test";
import { Cluster, lonelyNode } from "./testing/cluster.ts";
import { keyOf, membershipOf } from "./testing/fixtures.ts";
import { append, diskWith, entriesAfter } from "./testing/messages.ts";

test("statusOf() tells that a new leader's commit index does not cover yet what the last one acknowledged (§5.4.2)", () => {
  // 1. The leader of term 2 stored entry 3 on itself and b, acknowledged it, and died before anybody heard that it is committed.
  // 2. c, which lacks entry 3, starts again.
  const disk = diskWith(membershipOf(["a", "b", "c"]), [2]);
  const { node } = lonelyNode("c", disk);
  const missing = entriesAfter(disk, 2, [2, 3]);

  // 3. b leads in term 3. It knows that entry 2 is committed, and that is all it can say.
  node.hear("b", 3, append(node, { prevIndex: 2, commit: 2 }));
  node.flush();
  node.apply();
  expect(node.status).toMatchObject({ term: 3, commit: 2, applied: 2, appliedTerm: 2 });

  // 4. Its own first entry is committed: with it everything before.
  node.hear("b", 3, append(node, { prevIndex: 2, entries: missing, commit: 4 }));
  node.flush();
  node.apply();
  expect(node.status).toMatchObject({ term: 3, commit: 4, applied: 4, appliedTerm: 3 });
});

test("statusOf() tells of a node that does not lead with whom it has no connection", () => {
  const { node } = lonelyNode("c", diskWith(membershipOf(["a", "b", "c"]), [2]));
  expect(node.status.unconnected).toEqual([keyOf("a"), keyOf("b")]);
  const cluster = new Cluster(["a", "b", "c"]);
  cluster.introduceAll();
  const leader = cluster.elect();
  const [one, other] = ["a", "b", "c"].filter((id) => id !== leader.id);
  expect(cluster.node(one ?? "").status.unconnected).toEqual([]);
  cluster.crash(other ?? "");
  expect(cluster.node(one ?? "").status.unconnected).toEqual([keyOf(other ?? "")]);
  // Who leads knows more: when each was heard last.
  expect(leader.status.unconnected).toEqual([]);
});

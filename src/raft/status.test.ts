import { expect, test } from "bun:test";
import { lonelyNode } from "./testing/cluster.ts";
import { membershipOf } from "./testing/fixtures.ts";
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

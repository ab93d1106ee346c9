import { describe, expect, test } from "bun:test";
import type { NodeStatus, RaftNode } from "../node/index.ts";
import { Vigil } from "./vigil.ts";

/** A node whose progress the test moves. */
function world() {
  const at = { now: 1000, term: 2, applied: 0, appliedTerm: 2, committed: 0, leader: "a~1" as string | undefined };
  const status = (): NodeStatus => {
    const { term, applied, appliedTerm, leader } = at;
    const core = { term, applied, appliedTerm, leader, role: "follower", leaderContact: at.now };
    const said: NodeStatus = Object({ core, leaderCommit: at.committed, condition: { kind: "running" } });
    return said;
  };
  const node: RaftNode = Object({ status, observe: () => undefined });
  const clock = {
    now: () => at.now,
    wall: () => at.now,
    at: () => ({ cancel: () => undefined }),
    defer: () => undefined,
  };
  return { at, vigil: new Vigil(node, clock) };
}

describe("Vigil", () => {
  test("a node has caught up once it has applied what the leader had committed, and that stays so", () => {
    const { at, vigil } = world();
    at.committed = 10;
    expect(vigil.hasCaughtUp()).toBe(false);
    at.applied = 10;
    at.leader = undefined;
    expect(vigil.hasCaughtUp()).toBe(false);
    at.leader = "a~1";
    // A new leader, which does not know yet of all that the last one committed.
    at.term = 3;
    expect(vigil.hasCaughtUp()).toBe(false);
    at.appliedTerm = 3;
    expect(vigil.hasCaughtUp()).toBe(true);
    at.committed = 20;
    expect(vigil.hasCaughtUp()).toBe(true);
  });

  test("the lag is the age of what was known and is not applied, not of what comes anew all the time", () => {
    const { at, vigil } = world();
    expect(vigil.lagMs()).toBe(0);
    for (let second = 1; second <= 10; second += 1) {
      at.now += 1000;
      at.committed = second * 100;
      at.applied = at.committed - 5;
      // Always five entries behind, and never by the same ones.
      expect(vigil.lagMs()).toBeLessThanOrEqual(1000);
    }
    at.now += 4000;
    expect(vigil.lagMs()).toBe(4000);
    at.now += 3000;
    expect(vigil.lagMs()).toBe(7000);
    at.applied = at.committed;
    expect(vigil.lagMs()).toBe(0);
  });
});

import { expect, test } from "bun:test";
import type { MemberKey } from "../base/index.ts";
import type { NodeStatus } from "../node/index.ts";
import { failureTolerance } from "./failure-tolerance.ts";

type Membership = NodeStatus["core"]["membership"];

const [ONE, TWO, THREE] = [["a"], ["a", "b"], ["a", "b", "c"]];

function of(voters: readonly MemberKey[], outgoing: readonly MemberKey[] = []): Membership {
  const members = new Map([...voters, ...outgoing].map((key) => [key, {}]));
  const membership: Membership = Object({ voters, outgoing, members });
  return membership;
}

function tolerance(committed: Membership, effective = committed, dead = ""): number {
  return failureTolerance({ membership: effective, committedMembership: committed }, (key) => key !== dead);
}

test("the voters that may fail are those beyond a quorum of the healthy ones", () => {
  expect([ONE, TWO, THREE].map((voters) => tolerance(of(voters)))).toEqual([0, 0, 1]);
  expect(tolerance(of(THREE), of(THREE), "b")).toBe(0);
});

test("nobody may fail of three until the change that made them of one or two is over", () => {
  expect(tolerance(of(ONE), of(THREE, ONE))).toBe(0);
  expect(tolerance(of(THREE, ONE))).toBe(0);
  expect(tolerance(of(THREE, ONE), of(THREE))).toBe(0);
  expect(tolerance(of(TWO), of(THREE))).toBe(0);
  expect(tolerance(of(THREE))).toBe(1);
});

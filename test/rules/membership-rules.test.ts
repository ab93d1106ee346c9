import { expect, test } from "bun:test";
import { memberKey } from "../../src/base/index.ts";
import {
  applyChanges,
  decodeMembership,
  encodeMembership,
  hasQuorum,
  type Membership,
  type MembershipChange,
} from "../../src/raft/index.ts";
import { memberOf, membershipOf } from "../../src/raft/testing/fixtures.ts";

const FIRST = "0000000000000001";
const SECOND = "0000000000000002";

function change(current: Membership, ...changes: MembershipChange[]): Membership | string {
  const result = applyChanges(current, changes, 8);
  return result.ok ? result.value : result.error.code;
}

test("rule 43: a change can neither remove all voters nor double an id or an address", () => {
  const three = membershipOf(["a", "b", "c"]);
  expect(change(three, ...three.voters.map((key) => ({ kind: "remove", key }) as const))).toBe("last-voter");
  expect(change(three, { kind: "add-learner", member: memberOf("a", { incarnation: SECOND }) })).toBe("already-member");
  expect(change(three, { kind: "add-learner", member: memberOf("d", { address: "a:8300" }) })).toBe("address-in-use");
});

test("rule 43: nobody is voter and learner at once, after a demotion within a joint change either", () => {
  const [a = "", b = ""] = membershipOf(["a", "b", "c"]).voters;
  const joint = change(membershipOf(["a", "b", "c"]), { kind: "demote", key: a }, { kind: "demote", key: b });
  if (typeof joint === "string") throw new Error(joint);
  expect([joint.outgoing.includes(a), joint.learners.includes(a), joint.learnersNext.includes(a)]).toEqual([
    true,
    false,
    true,
  ]);
});

test("rule 47: a promotion and a new address travel in one entry, role and address together (etcd #19557)", () => {
  const key = memberKey("b", FIRST);
  const before = change(membershipOf(["a"]), { kind: "add-learner", member: memberOf("b") });
  if (typeof before === "string") throw new Error(before);
  const after = change(
    before,
    { kind: "promote", key },
    { kind: "update", member: memberOf("b", { address: "new:1" }) },
  );
  if (typeof after === "string") throw new Error(after);
  const read = decodeMembership(encodeMembership(after));
  expect([read.voters.includes(key), read.learners, read.members.get(key)?.address]).toEqual([true, [], "new:1"]);
});

test("rule 50: a wiped node that returns with its old id is another voter: the old one's voice is not its own", () => {
  const old = memberKey("c", FIRST);
  const fresh = memberKey("c", SECOND);
  const three = membershipOf(["a", "b", "c"]);
  expect(hasQuorum(three, (key) => key === memberKey("a", FIRST) || key === fresh)).toBe(false);
  const after = change(three, { kind: "replace", old, member: memberOf("c", { incarnation: SECOND }) });
  if (typeof after === "string") throw new Error(after);
  expect([after.voters.includes(fresh), after.voters.includes(old), after.learners]).toEqual([false, false, [fresh]]);
});

test("rule 54: a non-voter stays one over a restart, and is never promoted (openraft 39690593)", () => {
  const replica = memberKey("r", FIRST);
  const with4 = change(membershipOf(["a"]), { kind: "add-learner", member: memberOf("r", { nonVoter: true }) });
  if (typeof with4 === "string") throw new Error(with4);
  const restarted = decodeMembership(encodeMembership(with4));
  expect([restarted.learners, restarted.members.get(replica)?.nonVoter]).toEqual([[replica], true]);
  expect(change(restarted, { kind: "promote", key: replica })).toBe("invalid-target");
});

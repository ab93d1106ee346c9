import { describe, expect, test } from "bun:test";
import { createPrng, InvariantViolation, parseMemberKey, type MemberKey, type Prng } from "../base/index.ts";
import type { RejectionCode } from "./effects.ts";
import { applyChanges, assertMembership, leaveJoint } from "./membership-change.ts";
import { EMPTY_MEMBERSHIP, type Membership, type MembershipChange } from "./membership.ts";
import { keyOf, memberOf, membershipOf } from "./testing/fixtures.ts";

const FIRST = "0000000000000001";
const SECOND = "0000000000000002";

function applied(current: Membership, ...changes: MembershipChange[]): Membership {
  const result = applyChanges(current, changes, 9);
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
}

function refusal(current: Membership, ...changes: MembershipChange[]): RejectionCode | undefined {
  const result = applyChanges(current, changes, 9);
  return result.ok ? undefined : result.error.code;
}

describe("applyChanges() of one voter", () => {
  test("applyChanges() admits a new pair as learner and stamps the index of the entry", () => {
    const next = applied(membershipOf(["a"]), { kind: "add-learner", member: memberOf("b", { admitted: 3 }) });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[keyOf("a")], [keyOf("b")], []]);
    expect([next.members.get(keyOf("b"))?.admitted, next.members.get(keyOf("a"))?.admitted]).toEqual([9, 1]);
  });

  test("applyChanges() promotes one learner in a simple change", () => {
    const next = applied(membershipOf(["a"], ["b"]), { kind: "promote", key: keyOf("b") });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[keyOf("a"), keyOf("b")], [], []]);
  });

  test("applyChanges() demotes one voter in a simple change", () => {
    const next = applied(membershipOf(["a", "b"]), { kind: "demote", key: keyOf("b") });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[keyOf("a")], [keyOf("b")], []]);
  });

  test("applyChanges() forgets a removed member", () => {
    const next = applied(membershipOf(["a", "b"]), { kind: "remove", key: keyOf("b") });
    expect([next.voters, [...next.members.keys()]]).toEqual([[keyOf("a")], [keyOf("a")]]);
  });

  test("applyChanges() updates metadata and keeps role and admission", () => {
    const next = applied(membershipOf(["a", "b"]), {
      kind: "update",
      member: memberOf("b", { address: "moved:1", admitted: 77 }),
    });
    expect(next.voters).toEqual([keyOf("a"), keyOf("b")]);
    expect(next.members.get(keyOf("b"))).toEqual(memberOf("b", { address: "moved:1" }));
  });

  test("applyChanges() takes the addition of a member as an update (rule 48)", () => {
    const next = applied(membershipOf(["a", "b"]), {
      kind: "add-learner",
      member: memberOf("b", { address: "moved:1" }),
    });
    expect([next.voters, next.members.get(keyOf("b"))?.address]).toEqual([[keyOf("a"), keyOf("b")], "moved:1"]);
  });

  test("applyChanges() with nothing to do changes nothing", () => {
    expect(applied(membershipOf(["a"], ["b"]), { kind: "demote", key: keyOf("b") })).toEqual(
      membershipOf(["a"], ["b"]),
    );
    expect(applied(membershipOf(["a"], ["b"]))).toEqual(membershipOf(["a"], ["b"]));
  });
});

describe("applyChanges() of several voters", () => {
  test("applyChanges() enters a joint membership that is left automatically (§6)", () => {
    const next = applied(
      membershipOf(["a"], ["b", "c"]),
      { kind: "promote", key: keyOf("b") },
      { kind: "promote", key: keyOf("c") },
    );
    expect([next.voters, next.outgoing, next.autoLeave]).toEqual([
      [keyOf("a"), keyOf("b"), keyOf("c")],
      [keyOf("a")],
      true,
    ]);
  });

  test("applyChanges() keeps a removed voter's metadata until the joint membership is left", () => {
    const joint = applied(
      membershipOf(["a", "b"], ["c"]),
      { kind: "remove", key: keyOf("b") },
      { kind: "promote", key: keyOf("c") },
    );
    expect([joint.voters, joint.outgoing]).toEqual([
      [keyOf("a"), keyOf("c")],
      [keyOf("a"), keyOf("b")],
    ]);
    expect(joint.members.has(keyOf("b"))).toBe(true);
    const left = leaveJoint(joint);
    expect([left.voters, left.outgoing, left.members.has(keyOf("b"))]).toEqual([[keyOf("a"), keyOf("c")], [], false]);
  });

  test("applyChanges() lets demoted voters become learners on leaving", () => {
    const joint = applied(
      membershipOf(["a", "b", "c"]),
      { kind: "demote", key: keyOf("b") },
      { kind: "demote", key: keyOf("c") },
    );
    expect([joint.learners, joint.learnersNext]).toEqual([[], [keyOf("b"), keyOf("c")]]);
    expect(leaveJoint(joint).learners).toEqual([keyOf("b"), keyOf("c")]);
  });

  test("applyChanges() refuses any change while joint", () => {
    const joint = applied(
      membershipOf(["a"], ["b", "c"]),
      { kind: "promote", key: keyOf("b") },
      { kind: "promote", key: keyOf("c") },
    );
    expect(refusal(joint, { kind: "remove", key: keyOf("c") })).toBe("joint");
  });

  test("applyChanges() gives the address of a voter that is removed to another in one joint change", () => {
    const next = applied(
      membershipOf(["a", "b", "c"]),
      { kind: "remove", key: keyOf("b") },
      { kind: "remove", key: keyOf("c") },
      { kind: "add-learner", member: memberOf("d", { address: "b:8300" }) },
    );
    expect(leaveJoint(next).members.get(keyOf("d"))?.address).toBe("b:8300");
  });
});

describe("applyChanges() of a replacement", () => {
  test("applyChanges() replaces a voter by the new pair of its id as learner in one simple change", () => {
    const next = applied(membershipOf(["a", "b", "c"]), {
      kind: "replace",
      old: keyOf("c"),
      member: memberOf("c", { incarnation: SECOND }),
    });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[keyOf("a"), keyOf("b")], [keyOf("c", SECOND)], []]);
    expect([next.members.has(keyOf("c")), next.members.get(keyOf("c", SECOND))?.admitted]).toEqual([false, 9]);
  });

  test("applyChanges() replaces a voter by a pair of another id at its address", () => {
    const next = applied(membershipOf(["a", "b"]), {
      kind: "replace",
      old: keyOf("b"),
      member: memberOf("x", { address: "b:8300" }),
    });
    expect([next.voters, next.learners]).toEqual([[keyOf("a")], [keyOf("x")]]);
  });

  test("applyChanges() refuses a replacement that shares neither id nor address", () => {
    expect(refusal(membershipOf(["a", "b"]), { kind: "replace", old: keyOf("b"), member: memberOf("x") })).toBe(
      "invalid-target",
    );
    const mute = membershipOf(["a"], [], { members: new Map([[keyOf("a"), memberOf("a", { address: "" })]]) });
    expect(refusal(mute, { kind: "replace", old: keyOf("a"), member: memberOf("x", { address: "" }) })).toBe(
      "invalid-target",
    );
  });

  test("applyChanges() refuses a replacement together with another voter", () => {
    const fresh = memberOf("c", { incarnation: SECOND });
    expect(
      refusal(
        membershipOf(["a", "b", "c"]),
        { kind: "replace", old: keyOf("c"), member: fresh },
        { kind: "remove", key: keyOf("b") },
      ),
    ).toBe("invalid-target");
  });

  test("applyChanges() refuses to replace the only voter, a stranger, or by a member", () => {
    const fresh = memberOf("a", { incarnation: SECOND });
    expect(refusal(membershipOf(["a"]), { kind: "replace", old: keyOf("a"), member: fresh })).toBe("last-voter");
    expect(refusal(membershipOf(["a"]), { kind: "replace", old: keyOf("z"), member: fresh })).toBe("unknown-member");
    const atB = memberOf("a", { address: "b:8300" });
    expect(refusal(membershipOf(["a", "b"]), { kind: "replace", old: keyOf("b"), member: atB })).toBe("already-member");
    const otherA = memberOf("a", { incarnation: SECOND, address: "b:8300" });
    expect(refusal(membershipOf(["a", "b"]), { kind: "replace", old: keyOf("b"), member: otherA })).toBe(
      "already-member",
    );
  });
});

describe("applyChanges() refuses", () => {
  test("applyChanges() refuses to remove or demote all voters", () => {
    expect(refusal(membershipOf(["a"], ["b"]), { kind: "remove", key: keyOf("a") })).toBe("last-voter");
    expect(refusal(membershipOf(["a"], ["b"]), { kind: "demote", key: keyOf("a") })).toBe("last-voter");
    expect(
      refusal(membershipOf(["a", "b"]), { kind: "remove", key: keyOf("a") }, { kind: "remove", key: keyOf("b") }),
    ).toBe("last-voter");
  });

  test("applyChanges() refuses a first member that is a learner only", () => {
    expect(refusal(EMPTY_MEMBERSHIP, { kind: "add-learner", member: memberOf("a") })).toBe("last-voter");
    const both: MembershipChange[] = [
      { kind: "add-learner", member: memberOf("a") },
      { kind: "promote", key: keyOf("a") },
    ];
    expect(applied(EMPTY_MEMBERSHIP, ...both).voters).toEqual([keyOf("a")]);
  });

  test("applyChanges() refuses a second incarnation of an id, also with the first one removed beside it", () => {
    const again: MembershipChange = { kind: "add-learner", member: memberOf("b", { incarnation: SECOND }) };
    expect(refusal(membershipOf(["a"], ["b"]), again)).toBe("already-member");
    expect(refusal(membershipOf(["a"], ["b"]), { kind: "remove", key: keyOf("b") }, again)).toBe("already-member");
  });

  test("applyChanges() refuses to remove and add the same pair in one request", () => {
    const again: MembershipChange[] = [
      { kind: "remove", key: keyOf("b") },
      { kind: "add-learner", member: memberOf("b") },
    ];
    expect(refusal(membershipOf(["a"], ["b"]), ...again)).toBe("already-member");
  });

  test("applyChanges() refuses an address that another member has, but no empty one", () => {
    const mute = membershipOf(["a"], [], { members: new Map([[keyOf("a"), memberOf("a", { address: "" })]]) });
    expect(refusal(membershipOf(["a"]), { kind: "add-learner", member: memberOf("b", { address: "a:8300" }) })).toBe(
      "address-in-use",
    );
    expect(refusal(membershipOf(["a", "b"]), { kind: "update", member: memberOf("b", { address: "a:8300" }) })).toBe(
      "address-in-use",
    );
    expect(refusal(mute, { kind: "add-learner", member: memberOf("b", { address: "" }) })).toBeUndefined();
  });

  test("applyChanges() refuses members that it does not know", () => {
    for (const kind of ["promote", "demote", "remove"] as const) {
      expect(refusal(membershipOf(["a"]), { kind, key: keyOf("z") })).toBe("unknown-member");
    }
    expect(refusal(membershipOf(["a"]), { kind: "update", member: memberOf("z") })).toBe("unknown-member");
    expect(
      refusal(membershipOf(["a"], ["b"]), { kind: "remove", key: keyOf("b") }, { kind: "promote", key: keyOf("b") }),
    ).toBe("unknown-member");
  });

  test("applyChanges() refuses to promote a non-voter, and to make a voter one", () => {
    const replica = membershipOf(["a"], ["b"], {
      members: new Map([
        [keyOf("a"), memberOf("a")],
        [keyOf("b"), memberOf("b", { nonVoter: true })],
      ]),
    });
    expect(refusal(replica, { kind: "promote", key: keyOf("b") })).toBe("invalid-target");
    expect(refusal(membershipOf(["a", "b"]), { kind: "update", member: memberOf("b", { nonVoter: true }) })).toBe(
      "invalid-target",
    );
  });

  test("applyChanges() raises the version to what every member understands and never lowers it", () => {
    const able = membershipOf(["a"], [], {
      members: new Map([[keyOf("a"), memberOf("a", { commandVersion: 3 })]]),
      clusterVersion: 2,
    });
    expect(applied(able, { kind: "raise-version", version: 3 }).clusterVersion).toBe(3);
    expect(refusal(able, { kind: "raise-version", version: 4 })).toBe("unsupported-version");
    expect(refusal(able, { kind: "raise-version", version: 1 })).toBe("unsupported-version");
    expect(refusal(able, { kind: "raise-version", version: 2.5 })).toBe("unsupported-version");
    expect(refusal(able, { kind: "add-learner", member: memberOf("b", { commandVersion: 1 }) })).toBe(
      "unsupported-version",
    );
  });
});

describe("assertMembership()", () => {
  const pair = membershipOf(["a"], ["b"]);
  const broken: readonly (readonly [string, Membership])[] = [
    ["voter and learner", { ...pair, learners: [keyOf("a"), keyOf("b")] }],
    ["twice", { ...pair, voters: [keyOf("a"), keyOf("a")] }],
    ["voters must not be empty", { ...pair, voters: [], learners: [keyOf("a"), keyOf("b")] }],
    ["must have its metadata", { ...pair, voters: [keyOf("a"), keyOf("z")] }],
    ["must have a role", { ...pair, learners: [] }],
    ["outgoing voter to become", { ...pair, learners: [], learnersNext: [keyOf("b")] }],
    ["learner while it is an outgoing", { ...pair, outgoing: [keyOf("a"), keyOf("b")] }],
    ["stay a voter", { ...pair, outgoing: [keyOf("a")], learnersNext: [keyOf("a")] }],
    ["left automatically", { ...pair, outgoing: [keyOf("a")], autoLeave: false }],
    [
      "under its own key",
      {
        ...pair,
        members: new Map([
          [keyOf("a"), memberOf("b")],
          [keyOf("b"), memberOf("a")],
        ]),
      },
    ],
    ["clusterVersion", { ...pair, clusterVersion: 0 }],
    [
      "two incarnations",
      {
        ...pair,
        learners: [keyOf("a", SECOND)],
        members: new Map([
          [keyOf("a"), memberOf("a")],
          [keyOf("a", SECOND), memberOf("a", { incarnation: SECOND })],
        ]),
      },
    ],
    [
      "non-voter for good",
      { ...membershipOf(["a"]), members: new Map([[keyOf("a"), memberOf("a", { nonVoter: true })]]) },
    ],
  ];
  for (const [problem, unsound] of broken) {
    test(`assertMembership() throws on "${problem}"`, () => {
      expect(() => assertMembership(unsound)).toThrow(InvariantViolation);
      expect(() => assertMembership(unsound)).toThrow(problem);
    });
  }

  test("assertMembership() accepts the empty membership, a simple and a joint one", () => {
    assertMembership(EMPTY_MEMBERSHIP);
    assertMembership(pair);
    assertMembership({ ...membershipOf(["a", "b"]), outgoing: [keyOf("a")] });
  });

  test("leaveJoint() throws unless joint", () => {
    expect(() => leaveJoint(pair)).toThrow(InvariantViolation);
  });
});

function randomChange(prng: Prng, current: Membership): MembershipChange {
  const id = prng.pick(["__proto__", "10", "9", "constructor", "a", "b"]);
  const incarnation = prng.pick([FIRST, SECOND]);
  const target =
    current.members.size > 0 && prng.chance(0.7) ? prng.pick([...current.members.keys()]) : keyOf(id, incarnation);
  const fresh = memberOf(id, { incarnation, commandVersion: prng.between(2, 5), nonVoter: prng.chance(0.1) });
  return prng.pick<MembershipChange>([
    { kind: "add-learner", member: fresh },
    { kind: "promote", key: target },
    { kind: "promote", key: target },
    { kind: "demote", key: target },
    { kind: "remove", key: target },
    { kind: "update", member: fresh },
    { kind: "replace", old: target, member: { ...fresh, id: parseMemberKey(target).id } },
    { kind: "raise-version", version: prng.between(1, 3) },
  ]);
}

/** Whether every majority of one side meets every majority of the other, by trying all pairs of sets. */
function majoritiesMeet(before: readonly MemberKey[], after: readonly MemberKey[]): boolean {
  const all = [...new Set([...before, ...after])];
  const isMajority = (half: readonly MemberKey[], set: number): boolean =>
    half.filter((name) => (set & (1 << all.indexOf(name))) !== 0).length * 2 > half.length;
  for (let set = 0; set < 1 << all.length; set += 1) {
    // The rest of the members is the largest set that does not meet this one.
    if (isMajority(before, set) && isMajority(after, ~set)) return false;
  }
  return true;
}

test("applyChanges() always ends sound, overlapping and stable under any order of requests (seed 47)", () => {
  const prng = createPrng(47);
  let current = membershipOf(["a", "b"]);
  const seen = { simple: 0, joint: 0, refused: 0 };
  for (let index = 2; index < 6000; index += 1) {
    if (current.outgoing.length > 0) {
      const left = leaveJoint(current);
      expect(left.voters).toEqual(current.voters);
      current = left;
      continue;
    }
    const view = current;
    const changes = Array.from({ length: prng.between(1, 5) }, () => randomChange(prng, view));
    const before = structuredClone(current);
    const result = applyChanges(current, changes, index);
    expect(current).toEqual(before);
    if (!result.ok) {
      seen.refused += 1;
      continue;
    }
    const next = result.value;
    assertMembership(next);
    if (next.outgoing.length === 0) expect(majoritiesMeet(current.voters, next.voters)).toBe(true);
    else expect(next.outgoing).toEqual(current.voters);
    seen[next.outgoing.length === 0 ? "simple" : "joint"] += 1;
    for (const [name, known] of next.members) expect(known.admitted).toBe(current.members.get(name)?.admitted ?? index);
    expect([...next.members.keys()]).toEqual([...next.members.keys()].toSorted());
    current = next;
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
});

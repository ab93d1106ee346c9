import { describe, expect, test } from "bun:test";
import { createPrng, InvariantViolation, memberKey, parseMemberKey, type MemberKey, type Prng } from "../base/index.ts";
import type { RejectionCode } from "./effects.ts";
import { applyChanges, assertMembership, leaveJoint } from "./membership-change.ts";
import { EMPTY_MEMBERSHIP, type Member, type Membership, type MembershipChange } from "./membership.ts";

const FIRST = "0000000000000001";
const SECOND = "0000000000000002";

function member(id: string, parts: Partial<Member> = {}): Member {
  return {
    id,
    incarnation: FIRST,
    name: id,
    address: `${id}:7000`,
    httpAddress: `${id}:8500`,
    zone: "",
    version: "1.0.0",
    commandVersion: 1,
    nonVoter: false,
    admitted: 1,
    publicKey: "",
    ...parts,
  };
}

function key(id: string, incarnation = FIRST): MemberKey {
  return memberKey(id, incarnation);
}

function membership(
  voters: readonly string[],
  learners: readonly string[] = [],
  parts: Partial<Membership> = {},
): Membership {
  const ids = [...voters, ...learners].toSorted();
  return {
    ...EMPTY_MEMBERSHIP,
    voters: voters.map((id) => key(id)),
    learners: learners.map((id) => key(id)),
    members: new Map(ids.map((id) => [key(id), member(id)])),
    ...parts,
  };
}

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
    const next = applied(membership(["a"]), { kind: "add-learner", member: member("b", { admitted: 3 }) });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[key("a")], [key("b")], []]);
    expect([next.members.get(key("b"))?.admitted, next.members.get(key("a"))?.admitted]).toEqual([9, 1]);
  });

  test("applyChanges() promotes one learner in a simple change", () => {
    const next = applied(membership(["a"], ["b"]), { kind: "promote", key: key("b") });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[key("a"), key("b")], [], []]);
  });

  test("applyChanges() demotes one voter in a simple change", () => {
    const next = applied(membership(["a", "b"]), { kind: "demote", key: key("b") });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[key("a")], [key("b")], []]);
  });

  test("applyChanges() forgets a removed member", () => {
    const next = applied(membership(["a", "b"]), { kind: "remove", key: key("b") });
    expect([next.voters, [...next.members.keys()]]).toEqual([[key("a")], [key("a")]]);
  });

  test("applyChanges() updates metadata and keeps role and admission", () => {
    const next = applied(membership(["a", "b"]), {
      kind: "update",
      member: member("b", { address: "moved:1", admitted: 77 }),
    });
    expect(next.voters).toEqual([key("a"), key("b")]);
    expect(next.members.get(key("b"))).toEqual(member("b", { address: "moved:1" }));
  });

  test("applyChanges() takes the addition of a member as an update (rule 48)", () => {
    const next = applied(membership(["a", "b"]), { kind: "add-learner", member: member("b", { address: "moved:1" }) });
    expect([next.voters, next.members.get(key("b"))?.address]).toEqual([[key("a"), key("b")], "moved:1"]);
  });

  test("applyChanges() with nothing to do changes nothing", () => {
    expect(applied(membership(["a"], ["b"]), { kind: "demote", key: key("b") })).toEqual(membership(["a"], ["b"]));
    expect(applied(membership(["a"], ["b"]))).toEqual(membership(["a"], ["b"]));
  });
});

describe("applyChanges() of several voters", () => {
  test("applyChanges() enters a joint membership that is left automatically (§6)", () => {
    const next = applied(
      membership(["a"], ["b", "c"]),
      { kind: "promote", key: key("b") },
      { kind: "promote", key: key("c") },
    );
    expect([next.voters, next.outgoing, next.autoLeave]).toEqual([[key("a"), key("b"), key("c")], [key("a")], true]);
  });

  test("applyChanges() keeps a removed voter's metadata until the joint membership is left", () => {
    const joint = applied(
      membership(["a", "b"], ["c"]),
      { kind: "remove", key: key("b") },
      { kind: "promote", key: key("c") },
    );
    expect([joint.voters, joint.outgoing]).toEqual([
      [key("a"), key("c")],
      [key("a"), key("b")],
    ]);
    expect(joint.members.has(key("b"))).toBe(true);
    const left = leaveJoint(joint);
    expect([left.voters, left.outgoing, left.members.has(key("b"))]).toEqual([[key("a"), key("c")], [], false]);
  });

  test("applyChanges() lets demoted voters become learners on leaving", () => {
    const joint = applied(
      membership(["a", "b", "c"]),
      { kind: "demote", key: key("b") },
      { kind: "demote", key: key("c") },
    );
    expect([joint.learners, joint.learnersNext]).toEqual([[], [key("b"), key("c")]]);
    expect(leaveJoint(joint).learners).toEqual([key("b"), key("c")]);
  });

  test("applyChanges() refuses any change while joint", () => {
    const joint = applied(
      membership(["a"], ["b", "c"]),
      { kind: "promote", key: key("b") },
      { kind: "promote", key: key("c") },
    );
    expect(refusal(joint, { kind: "remove", key: key("c") })).toBe("joint");
  });

  test("applyChanges() gives the address of a voter that is removed to another in one joint change", () => {
    const next = applied(
      membership(["a", "b", "c"]),
      { kind: "remove", key: key("b") },
      { kind: "remove", key: key("c") },
      { kind: "add-learner", member: member("d", { address: "b:7000" }) },
    );
    expect(leaveJoint(next).members.get(key("d"))?.address).toBe("b:7000");
  });
});

describe("applyChanges() of a replacement", () => {
  test("applyChanges() replaces a voter by the new pair of its id as learner in one simple change", () => {
    const next = applied(membership(["a", "b", "c"]), {
      kind: "replace",
      old: key("c"),
      member: member("c", { incarnation: SECOND }),
    });
    expect([next.voters, next.learners, next.outgoing]).toEqual([[key("a"), key("b")], [key("c", SECOND)], []]);
    expect([next.members.has(key("c")), next.members.get(key("c", SECOND))?.admitted]).toEqual([false, 9]);
  });

  test("applyChanges() replaces a voter by a pair of another id at its address", () => {
    const next = applied(membership(["a", "b"]), {
      kind: "replace",
      old: key("b"),
      member: member("x", { address: "b:7000" }),
    });
    expect([next.voters, next.learners]).toEqual([[key("a")], [key("x")]]);
  });

  test("applyChanges() refuses a replacement that shares neither id nor address", () => {
    expect(refusal(membership(["a", "b"]), { kind: "replace", old: key("b"), member: member("x") })).toBe(
      "invalid-target",
    );
    const mute = membership(["a"], [], { members: new Map([[key("a"), member("a", { address: "" })]]) });
    expect(refusal(mute, { kind: "replace", old: key("a"), member: member("x", { address: "" }) })).toBe(
      "invalid-target",
    );
  });

  test("applyChanges() refuses a replacement together with another voter", () => {
    const fresh = member("c", { incarnation: SECOND });
    expect(
      refusal(
        membership(["a", "b", "c"]),
        { kind: "replace", old: key("c"), member: fresh },
        { kind: "remove", key: key("b") },
      ),
    ).toBe("invalid-target");
  });

  test("applyChanges() refuses to replace the only voter, a stranger, or by a member", () => {
    const fresh = member("a", { incarnation: SECOND });
    expect(refusal(membership(["a"]), { kind: "replace", old: key("a"), member: fresh })).toBe("last-voter");
    expect(refusal(membership(["a"]), { kind: "replace", old: key("z"), member: fresh })).toBe("unknown-member");
    const atB = member("a", { address: "b:7000" });
    expect(refusal(membership(["a", "b"]), { kind: "replace", old: key("b"), member: atB })).toBe("already-member");
    const otherA = member("a", { incarnation: SECOND, address: "b:7000" });
    expect(refusal(membership(["a", "b"]), { kind: "replace", old: key("b"), member: otherA })).toBe("already-member");
  });
});

describe("applyChanges() refuses", () => {
  test("applyChanges() refuses to remove or demote all voters", () => {
    expect(refusal(membership(["a"], ["b"]), { kind: "remove", key: key("a") })).toBe("last-voter");
    expect(refusal(membership(["a"], ["b"]), { kind: "demote", key: key("a") })).toBe("last-voter");
    expect(refusal(membership(["a", "b"]), { kind: "remove", key: key("a") }, { kind: "remove", key: key("b") })).toBe(
      "last-voter",
    );
  });

  test("applyChanges() refuses a first member that is a learner only", () => {
    expect(refusal(EMPTY_MEMBERSHIP, { kind: "add-learner", member: member("a") })).toBe("last-voter");
    const both: MembershipChange[] = [
      { kind: "add-learner", member: member("a") },
      { kind: "promote", key: key("a") },
    ];
    expect(applied(EMPTY_MEMBERSHIP, ...both).voters).toEqual([key("a")]);
  });

  test("applyChanges() refuses a second incarnation of an id, also with the first one removed beside it", () => {
    const again: MembershipChange = { kind: "add-learner", member: member("b", { incarnation: SECOND }) };
    expect(refusal(membership(["a"], ["b"]), again)).toBe("already-member");
    expect(refusal(membership(["a"], ["b"]), { kind: "remove", key: key("b") }, again)).toBe("already-member");
  });

  test("applyChanges() refuses to remove and add the same pair in one request", () => {
    const again: MembershipChange[] = [
      { kind: "remove", key: key("b") },
      { kind: "add-learner", member: member("b") },
    ];
    expect(refusal(membership(["a"], ["b"]), ...again)).toBe("already-member");
  });

  test("applyChanges() refuses an address that another member has, but no empty one", () => {
    const mute = membership(["a"], [], { members: new Map([[key("a"), member("a", { address: "" })]]) });
    expect(refusal(membership(["a"]), { kind: "add-learner", member: member("b", { address: "a:7000" }) })).toBe(
      "address-in-use",
    );
    expect(refusal(membership(["a", "b"]), { kind: "update", member: member("b", { address: "a:7000" }) })).toBe(
      "address-in-use",
    );
    expect(refusal(mute, { kind: "add-learner", member: member("b", { address: "" }) })).toBeUndefined();
  });

  test("applyChanges() refuses members that it does not know", () => {
    for (const kind of ["promote", "demote", "remove"] as const) {
      expect(refusal(membership(["a"]), { kind, key: key("z") })).toBe("unknown-member");
    }
    expect(refusal(membership(["a"]), { kind: "update", member: member("z") })).toBe("unknown-member");
    expect(
      refusal(membership(["a"], ["b"]), { kind: "remove", key: key("b") }, { kind: "promote", key: key("b") }),
    ).toBe("unknown-member");
  });

  test("applyChanges() refuses to promote a non-voter, and to make a voter one", () => {
    const replica = membership(["a"], ["b"], {
      members: new Map([
        [key("a"), member("a")],
        [key("b"), member("b", { nonVoter: true })],
      ]),
    });
    expect(refusal(replica, { kind: "promote", key: key("b") })).toBe("invalid-target");
    expect(refusal(membership(["a", "b"]), { kind: "update", member: member("b", { nonVoter: true }) })).toBe(
      "invalid-target",
    );
  });

  test("applyChanges() raises the version to what every member understands and never lowers it", () => {
    const able = membership(["a"], [], {
      members: new Map([[key("a"), member("a", { commandVersion: 3 })]]),
      clusterVersion: 2,
    });
    expect(applied(able, { kind: "raise-version", version: 3 }).clusterVersion).toBe(3);
    expect(refusal(able, { kind: "raise-version", version: 4 })).toBe("unsupported-version");
    expect(refusal(able, { kind: "raise-version", version: 1 })).toBe("unsupported-version");
    expect(refusal(able, { kind: "raise-version", version: 2.5 })).toBe("unsupported-version");
    expect(refusal(able, { kind: "add-learner", member: member("b", { commandVersion: 1 }) })).toBe(
      "unsupported-version",
    );
  });
});

describe("assertMembership()", () => {
  const pair = membership(["a"], ["b"]);
  const broken: readonly (readonly [string, Membership])[] = [
    ["voter and learner", { ...pair, learners: [key("a"), key("b")] }],
    ["twice", { ...pair, voters: [key("a"), key("a")] }],
    ["voters must not be empty", { ...pair, voters: [], learners: [key("a"), key("b")] }],
    ["must have its metadata", { ...pair, voters: [key("a"), key("z")] }],
    ["must have a role", { ...pair, learners: [] }],
    ["outgoing voter to become", { ...pair, learners: [], learnersNext: [key("b")] }],
    ["learner while it is an outgoing", { ...pair, outgoing: [key("a"), key("b")] }],
    ["stay a voter", { ...pair, outgoing: [key("a")], learnersNext: [key("a")] }],
    ["left automatically", { ...pair, outgoing: [key("a")], autoLeave: false }],
    [
      "under its own key",
      {
        ...pair,
        members: new Map([
          [key("a"), member("b")],
          [key("b"), member("a")],
        ]),
      },
    ],
    ["clusterVersion", { ...pair, clusterVersion: 0 }],
    [
      "two incarnations",
      {
        ...pair,
        learners: [key("a", SECOND)],
        members: new Map([
          [key("a"), member("a")],
          [key("a", SECOND), member("a", { incarnation: SECOND })],
        ]),
      },
    ],
    ["non-voter for good", { ...membership(["a"]), members: new Map([[key("a"), member("a", { nonVoter: true })]]) }],
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
    assertMembership({ ...membership(["a", "b"]), outgoing: [key("a")] });
  });

  test("leaveJoint() throws unless joint", () => {
    expect(() => leaveJoint(pair)).toThrow(InvariantViolation);
  });
});

function randomChange(prng: Prng, current: Membership): MembershipChange {
  const id = prng.pick(["__proto__", "10", "9", "constructor", "a", "b"]);
  const incarnation = prng.pick([FIRST, SECOND]);
  const target =
    current.members.size > 0 && prng.chance(0.7) ? prng.pick([...current.members.keys()]) : key(id, incarnation);
  const fresh = member(id, { incarnation, commandVersion: prng.between(2, 5), nonVoter: prng.chance(0.1) });
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
  let current = membership(["a", "b"]);
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

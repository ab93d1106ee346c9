import { describe, expect, test } from "bun:test";
import { createPrng, type MemberKey, type Prng } from "../base/index.ts";
import {
  changeSimply,
  enterJoint,
  leaveJointRoles,
  NO_ROLES,
  type RoleChange,
  type Roles,
  type RoleStep,
} from "./role-change.ts";

function roles(parts: Partial<Record<"voters" | "outgoing" | "learners" | "learnersNext", readonly string[]>>): Roles {
  return {
    voters: new Set(parts.voters),
    outgoing: new Set(parts.outgoing),
    learners: new Set(parts.learners),
    learnersNext: new Set(parts.learnersNext),
    autoLeave: false,
  };
}

function voter(key: MemberKey): RoleStep {
  return { kind: "add-voter", key };
}
function learner(key: MemberKey): RoleStep {
  return { kind: "add-learner", key };
}
function remove(key: MemberKey): RoleStep {
  return { kind: "remove", key };
}

function changed(result: ReturnType<typeof changeSimply>): RoleChange {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** The set form of a change, told by what each step means and not by how a draft keeps it. */
function dullApply(before: Roles, steps: readonly RoleStep[]): Map<MemberKey, "voter" | "learner"> {
  const wanted = new Map<MemberKey, "voter" | "learner">();
  for (const key of before.voters) wanted.set(key, "voter");
  for (const key of before.learners) wanted.set(key, "learner");
  for (const step of steps) {
    if (step.kind === "remove") wanted.delete(step.key);
    else wanted.set(step.key, step.kind === "add-voter" ? "voter" : "learner");
  }
  return wanted;
}

function toWanted(after: Roles): Map<MemberKey, "voter" | "learner"> {
  const pairs = [...after.voters].map((key) => [key, "voter"] as const);
  return new Map([...pairs, ...[...after.learners].map((key) => [key, "learner"] as const)]);
}

function randomSteps(prng: Prng): RoleStep[] {
  return Array.from({ length: prng.between(0, 6) }, () => {
    const key = `n${prng.between(0, 6)}`;
    return prng.pick([voter, learner, remove])(key);
  });
}

describe("changeSimply()", () => {
  test("changeSimply() adds one voter", () => {
    const change = changed(changeSimply(roles({ voters: ["a"] }), [voter("b")]));
    expect(change.roles).toEqual(roles({ voters: ["a", "b"] }));
    expect(change.fresh).toEqual(new Set(["b"]));
  });

  test("changeSimply() refuses two voters at once (thesis §4.1)", () => {
    const result = changeSimply(roles({ voters: ["a"] }), [voter("b"), voter("c")]);
    expect(result).toEqual({ ok: false, error: "more than one voter changed without entering joint config" });
  });

  test("changeSimply() counts one voter that takes another's place as two", () => {
    const result = changeSimply(roles({ voters: ["a", "b"] }), [remove("b"), voter("c")]);
    expect(result).toEqual({ ok: false, error: "more than one voter changed without entering joint config" });
  });

  test("changeSimply() adds any number of learners", () => {
    const change = changed(changeSimply(roles({ voters: ["a"] }), [learner("b"), learner("c"), voter("d")]));
    expect(change.roles).toEqual(roles({ voters: ["a", "d"], learners: ["b", "c"] }));
  });

  test("changeSimply() of a voter to a learner demotes it and keeps its progress", () => {
    const change = changed(changeSimply(roles({ voters: ["a", "b"] }), [learner("b")]));
    expect(change.roles).toEqual(roles({ voters: ["a"], learners: ["b"] }));
    expect(change.fresh.size).toBe(0);
  });

  test("changeSimply() of a member that leaves and comes back forgets its progress", () => {
    const change = changed(changeSimply(roles({ voters: ["a"], learners: ["b"] }), [remove("b"), learner("b")]));
    expect(change.fresh).toEqual(new Set(["b"]));
  });

  test("changeSimply() refuses to remove all voters", () => {
    expect(changeSimply(roles({ voters: ["a"] }), [remove("a")])).toEqual({ ok: false, error: "removed all voters" });
  });

  test("changeSimply() refuses while joint", () => {
    const joint = roles({ voters: ["a"], outgoing: ["a"] });
    expect(changeSimply(joint, [voter("b")])).toEqual({
      ok: false,
      error: "can't apply simple config change in joint config",
    });
  });

  test("changeSimply() leaves what it is given untouched", () => {
    const before = roles({ voters: ["a", "b"], learners: ["c"] });
    changeSimply(before, [remove("b"), remove("c")]);
    expect(before).toEqual(roles({ voters: ["a", "b"], learners: ["c"] }));
  });
});

describe("enterJoint() and leaveJointRoles()", () => {
  test("enterJoint() keeps the old voters as the outgoing half (§6)", () => {
    const change = changed(enterJoint(roles({ voters: ["a", "b"] }), [voter("c"), remove("a")], true));
    expect(change.roles).toEqual({ ...roles({ voters: ["b", "c"], outgoing: ["a", "b"] }), autoLeave: true });
  });

  test("enterJoint() lets a demoted voter wait until the joint state is left", () => {
    const joint = changed(enterJoint(roles({ voters: ["a", "b"] }), [learner("b"), voter("c")], true)).roles;
    expect([joint.learners.size, [...joint.learnersNext]]).toEqual([0, ["b"]]);
    expect(changed(leaveJointRoles(joint)).roles).toEqual(roles({ voters: ["a", "c"], learners: ["b"] }));
  });

  test("enterJoint() takes a waiting voter back when it is promoted again", () => {
    const joint = changed(enterJoint(roles({ voters: ["a", "b"] }), [learner("b"), voter("b")], true)).roles;
    expect([[...joint.voters].toSorted(), joint.learnersNext.size]).toEqual([["a", "b"], 0]);
  });

  test("enterJoint() refuses a joint membership and one without voters", () => {
    expect(enterJoint(roles({ voters: ["a"], outgoing: ["a"] }), [], true)).toEqual({
      ok: false,
      error: "config is already joint",
    });
    expect(enterJoint(NO_ROLES, [voter("a")], true)).toEqual({
      ok: false,
      error: "can't make a zero-voter config joint",
    });
  });

  test("leaveJointRoles() refuses unless joint", () => {
    expect(leaveJointRoles(roles({ voters: ["a"] }))).toEqual({ ok: false, error: "can't leave a non-joint config" });
  });
});

test("steps one by one, at once through joint, and by meaning all end in the same roles (1000 rounds, seed 43)", () => {
  const prng = createPrng(43);
  let refused = 0;
  for (let round = 0; round < 1000; round += 1) {
    const start = changed(changeSimply(NO_ROLES, [voter("n0"), learner("n1"), learner("n2")])).roles;
    const steps = randomSteps(prng);
    const joint = enterJoint(start, steps, prng.chance(0.5));
    const wanted = dullApply(start, steps);
    if (![...wanted.values()].includes("voter")) {
      expect(joint).toEqual({ ok: false, error: "removed all voters" });
      refused += 1;
      continue;
    }
    const left = changed(leaveJointRoles(changed(joint).roles)).roles;
    expect(toWanted(left)).toEqual(wanted);
    // One by one a membership may have no voter for a moment, which is refused: then the order decides.
    const single = steps.reduce<Roles | undefined>((now, step) => {
      const change = now === undefined ? undefined : changeSimply(now, [step]);
      return change?.ok === true ? change.value.roles : undefined;
    }, start);
    if (single !== undefined) expect(toWanted(single)).toEqual(wanted);
  }
  expect(refused).toBeGreaterThan(10);
  expect(refused).toBeLessThan(500);
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { Result } from "../../src/base/index.ts";
import {
  changeSimply,
  enterJoint,
  leaveJointRoles,
  NO_ROLES,
  type RoleChange,
  type RoleError,
  type Roles,
  type RoleStep,
} from "../../src/raft/role-change.ts";
import { parseDatadriven, type DatadrivenCase } from "./datadriven.ts";
import { findOutside } from "./outside-vectors.ts";

const CASES_BY_FILE = {
  joint_autoleave: 4,
  joint_idempotency: 3,
  joint_learners_next: 3,
  joint_safety: 15,
  simple_idempotency: 11,
  simple_promote_demote: 7,
  simple_safety: 11,
  update: 3,
  zero: 1,
};

const STEP_KINDS = new Map<string, RoleStep["kind"]>([
  ["v", "add-voter"],
  ["l", "add-learner"],
  ["r", "remove"],
]);

function parseSteps(input: string): RoleStep[] {
  const steps: RoleStep[] = [];
  for (const token of input.split(/\s+/).filter((word) => word !== "")) {
    const key = token.slice(1);
    const kind = STEP_KINDS.get(token.charAt(0));
    // An update changes no role, and the id 0 is nobody.
    if (token.startsWith("u") || key === "0") continue;
    if (kind === undefined) throw new Error(`Unknown token ${token}`);
    steps.push({ kind, key });
  }
  return steps;
}

function sorted(keys: Iterable<string>): string[] {
  return [...keys].toSorted((a, b) => Number(a) - Number(b));
}

function listed(keys: ReadonlySet<string>): string {
  return `(${sorted(keys).join(" ")})`;
}

/** A file's state: roles, and the `next` that each member was first given. */
class Driver {
  #roles: Roles = NO_ROLES;
  #next = new Map<string, number>();
  #lastIndex = 0;

  run(one: DatadrivenCase): string {
    const change = this.#change(one);
    if (change.ok) this.#accept(change.value);
    this.#lastIndex += 1;
    return change.ok ? this.#describe() : `${change.error}\n`;
  }

  #change(one: DatadrivenCase): Result<RoleChange, RoleError> {
    const steps = parseSteps(one.input);
    switch (one.command) {
      case "simple":
        return changeSimply(this.#roles, steps);
      case "enter-joint":
        return enterJoint(this.#roles, steps, one.args.get("autoleave")?.[0] === "true");
      case "leave-joint":
        return leaveJointRoles(this.#roles);
      default:
        throw new Error(`${one.place}: unknown command ${one.command}`);
    }
  }

  #accept(change: RoleChange): void {
    this.#roles = change.roles;
    const { learners, outgoing, voters } = change.roles;
    const next = new Map<string, number>();
    for (const key of new Set([...voters, ...outgoing, ...learners])) {
      const kept = change.fresh.has(key) ? undefined : this.#next.get(key);
      next.set(key, kept ?? Math.max(this.#lastIndex, 1));
    }
    this.#next = next;
  }

  #describe(): string {
    const { autoLeave, learners, learnersNext, outgoing, voters } = this.#roles;
    let text = `voters=${listed(voters)}`;
    if (outgoing.size > 0) text += `&&${listed(outgoing)}`;
    if (learners.size > 0) text += ` learners=${listed(learners)}`;
    if (learnersNext.size > 0) text += ` learners_next=${listed(learnersNext)}`;
    if (autoLeave) text += " autoleave";
    text += "\n";
    for (const key of sorted(this.#next.keys())) {
      text += `${key}: StateProbe match=0 next=${this.#next.get(key) ?? 0}${learners.has(key) ? " learner" : ""}\n`;
    }
    return text;
  }
}

describe("outside confchange vectors", () => {
  const folder = findOutside("etcd-raft/confchange");
  const files = folder === undefined ? [] : readdirSync(folder).toSorted();
  const counts = new Map<string, number>();
  for (const file of files) {
    const cases = parseDatadriven(file, readFileSync(join(folder ?? "", file), "utf8"));
    counts.set(file.replace(/\.txt$/, ""), cases.length);
    test(`confchange vectors ${file} give the expected bytes, case after case`, () => {
      const driver = new Driver();
      for (const one of cases) {
        expect({ place: one.place, output: driver.run(one) }).toEqual({ place: one.place, output: one.expected });
      }
    });
  }

  test.skipIf(folder === undefined)("confchange vectors are 58 in 9 files", () => {
    expect(Object.fromEntries(counts)).toEqual(CASES_BY_FILE);
    const sum = [...counts.values()].reduce((a, b) => a + b, 0);
    process.stdout.write(`confchange vectors: ${sum} of 58\n`);
    expect(sum).toBe(58);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { EQUIVALENT } from "./equivalent.ts";
import { PLANTED_BUGS, STARRED_RULES } from "./planted.ts";
import { mutate } from "./mutant.ts";
import { NEMESIS_FOR, QUICK_SEEDS } from "./quick-seeds.ts";
import { SCHEDULES } from "./schedules.ts";
import { MUTANTS } from "./table.ts";

/** The starred rules, and how many bugs there are to plant: written down once more, so that none can be forgotten. */
const RULES = [
  1, 2, 4, 7, 13, 17, 19, 20, 21, 22, 23, 25, 26, 30, 31, 34, 38, 44, 46, 50, 52, 55, 58, 62, 67, 68, 69, 70, 72, 73,
  78, 80,
];
const BUG_COUNT = 40;

describe("mutants", () => {
  const numbers = new Set(MUTANTS.map(({ number }) => number));

  test("every starred rule and every planted bug has mutants that exist, or a reason", () => {
    expect([...STARRED_RULES.keys()]).toEqual(RULES);
    expect(PLANTED_BUGS).toHaveLength(BUG_COUNT);
    for (const [name, answer] of [...PLANTED_BUGS, ...STARRED_RULES]) {
      if ("reason" in answer) expect(answer.reason).not.toBe("");
      else {
        expect({ name, missing: answer.mutants.filter((number) => !numbers.has(number)) }).toEqual({
          name,
          missing: [],
        });
        expect(answer.mutants).not.toBeEmpty();
      }
    }
  });

  test("what is recorded is about mutants that exist, and what is equivalent is none", () => {
    for (const number of EQUIVALENT.keys()) expect(numbers.has(number)).toBe(false);
    const recorded = [...QUICK_SEEDS.keys(), ...NEMESIS_FOR.keys(), ...SCHEDULES.keys()];
    expect(recorded.filter((number) => !numbers.has(number))).toEqual([]);
  });

  test("each changes code that is there", () => {
    const edits = MUTANTS.flatMap((mutant) => (mutant.also === undefined ? [mutant] : [mutant, mutant.also]));
    for (const edit of edits) {
      const source = readFileSync(new URL(`../../../${edit.file}`, import.meta.url), "utf8");
      expect(mutate(source, edit)).not.toBe(source);
    }
  });

  test("each has a recorded seed, or a schedule", () => {
    const bare = MUTANTS.filter(({ number, seeds }) => seeds.length === 0 && !SCHEDULES.has(number));
    expect(bare.map(({ number }) => number)).toEqual([]);
  });
});

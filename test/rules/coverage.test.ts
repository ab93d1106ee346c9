import { describe, expect, test } from "bun:test";
import { judgeCoverage, rulesNamedIn } from "./coverage.ts";

describe("judgeCoverage()", () => {
  test("judgeCoverage() has nothing against rules that are tested or excused", () => {
    const tested = new Map([[1, ["a"]]]);
    expect(judgeCoverage({ ruleCount: 2, tested, notApplicable: new Map([[2, "why"]]) })).toEqual([]);
  });

  test("judgeCoverage() names what is missing, double, unknown or without a reason", () => {
    const tested = new Map([
      [1, ["a"]],
      [9, ["b"]],
    ]);
    const notApplicable = new Map([
      [1, "why"],
      [3, " "],
    ]);
    expect(judgeCoverage({ ruleCount: 3, tested, notApplicable })).toEqual([
      "rule 1 does not apply, but is tested in a",
      "rule 2 has no test and no reason why it does not apply",
      "rule 9 does not exist: there are 3",
      "rule 3 must not be excused without a reason",
    ]);
  });
});

describe("rulesNamedIn()", () => {
  const call = "test";

  test("rulesNamedIn() reads titles, whatever their quotes", () => {
    const text = [
      `${call}("rule 7 holds", () => {`,
      `${call}(\n  'the "x" (rules 1, 21)',`,
      `${call}.skipIf(no)(\`rule 3 of all\``,
    ];
    expect(rulesNamedIn(text.join("\n"))).toEqual(new Set([7, 1, 21, 3]));
  });

  test("rulesNamedIn() takes no comment and no longer word for a title", () => {
    expect(rulesNamedIn(`// rule 5\n${call}("no such ruler 6", f);\nconst rule = "rule 8";`)).toEqual(new Set());
  });
});

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Glob } from "bun";
import { judgeCoverage, rulesNamedIn } from "./coverage.ts";
import { NOT_APPLICABLE, RULE_COUNT } from "./rules.ts";

// Run by `bun test/rules/check.ts`: fails unless every rule has a test or a reason why it does not apply, and not both.

const project = resolve(import.meta.dir, "../..");

/** The files that test each rule. */
function findTested(): Map<number, string[]> {
  const tested = new Map<number, string[]>();
  for (const path of [...new Glob("{src,test}/**/*.test.ts").scanSync(project)].toSorted()) {
    if (path === "test/rules/coverage.test.ts") continue;
    for (const rule of rulesNamedIn(readFileSync(join(project, path), "utf8"))) {
      tested.set(rule, [...(tested.get(rule) ?? []), path]);
    }
  }
  return tested;
}

const tested = findTested();
const problems = judgeCoverage({ ruleCount: RULE_COUNT, tested, notApplicable: NOT_APPLICABLE });
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`rules: ${tested.size} tested, ${NOT_APPLICABLE.size} do not apply, ${RULE_COUNT} in all\n`);
process.exitCode = problems.length === 0 ? 0 : 1;

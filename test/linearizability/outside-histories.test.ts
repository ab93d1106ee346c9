import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { findOutside } from "../conformance/outside-vectors.ts";
import { appendKv, casRegister, checkHistory } from "./index.ts";
import { parseAppendLog, parseRegisterLog } from "./outside-histories.ts";

const VERDICTS = "verdicts.json";

function readVerdicts(folder: string): Map<string, unknown> {
  const verdicts: unknown = JSON.parse(readFileSync(join(folder, VERDICTS), "utf8"));
  if (typeof verdicts !== "object" || verdicts === null) throw new Error("The verdicts must be an object");
  return new Map<string, unknown>(Object.entries(verdicts));
}

function judge(file: string, text: string): string {
  const limit = { timeLimitMs: 10_000 };
  if (file.endsWith(".log")) return checkHistory(casRegister, parseRegisterLog(text), limit).verdict;
  return checkHistory(appendKv, parseAppendLog(text), limit).verdict;
}

describe("outside histories", () => {
  const folder = findOutside("histories");
  const verdicts = folder === undefined ? new Map<string, unknown>() : readVerdicts(folder);
  let judged = 0;
  for (const [file, isLinearizable] of verdicts) {
    test(`checkHistory() of ${file} is right`, () => {
      const verdict = judge(file, readFileSync(join(folder ?? "", file), "utf8"));
      expect(verdict).toBe(isLinearizable === true ? "linearizable" : "violation");
      judged += 1;
    }, 15_000);
  }

  test.skipIf(folder === undefined)("the outside histories are 56, each with a verdict", () => {
    const files = readdirSync(folder ?? "").filter((file) => file !== VERDICTS);
    expect(files.toSorted()).toEqual([...verdicts.keys()].toSorted());
    expect(files.length).toBe(56);
    process.stdout.write(`histories judged right: ${judged} of 56\n`);
    expect(judged).toBe(56);
  });
});

import { describe, expect, test } from "bun:test";
import { mutate } from "../mutants/mutant.ts";
import { ATTACKS, ELSEWHERE } from "./elsewhere.ts";
import { SCENARIOS } from "./table.ts";

const textOf = async (path: string): Promise<string> =>
  Bun.file(new URL(`../../../${path}`, import.meta.url).pathname).text();

describe("schedules that break a careless design", () => {
  test("each has a scenario here, or a test elsewhere", () => {
    const shown = new Set([...SCENARIOS, ...ELSEWHERE].map(({ attack }) => attack));
    expect(ATTACKS.filter((attack) => !shown.has(attack))).toEqual([]);
    expect([...shown].filter((attack) => !ATTACKS.includes(attack))).toEqual([]);
  });

  test("each test elsewhere is where it is said to be", async () => {
    for (const { attack, file, test: name } of ELSEWHERE) {
      const isThere = (await textOf(file)).includes(`test("${name}`);
      expect(`${attack}: ${isThere ? "found" : `no test "${name}" in ${file}`}`).toBe(`${attack}: found`);
    }
  });

  test("each scenario can be broken: the texts to replace are there once", async () => {
    for (const { attack, broken } of SCENARIOS) {
      expect(`${attack}: ${broken.length > 0 ? "can be broken" : "shows nothing"}`).toBe(`${attack}: can be broken`);
      for (const { edits } of broken) {
        for (const edit of edits) {
          const source = await textOf(edit.file);
          expect(mutate(source, edit)).not.toBe(source);
        }
      }
    }
  });
});

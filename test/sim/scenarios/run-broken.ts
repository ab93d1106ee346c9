import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutate } from "../mutants/mutant.ts";
import { copyTree } from "../mutants/run-mutants.ts";
import type { Break } from "./scenario.ts";
import { whyItPasses } from "./play-broken.ts";
import { nameOf, SCENARIOS } from "./table.ts";

const AT_ONCE = 2;

/** Breaks the rule behind each scenario, in a copy of the tree: a scenario that still passes shows nothing. */
export async function runBroken(options: {
  readonly only: string | undefined;
  readonly say: (text: string) => void;
}): Promise<number> {
  const { only, say } = options;
  const wanted = SCENARIOS.filter(({ attack }) => only === undefined || attack === only).flatMap((scenario) =>
    scenario.broken.map((broken) => ({ name: nameOf(scenario), broken })),
  );
  const waiting = [...wanted];
  let caught = 0;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const problem = await playBroken(next.name, next.broken);
      if (problem === undefined) caught += 1;
      say(`${problem === undefined ? "caught  " : "SURVIVED"} ${next.name}, without "${next.broken.breaks}"`);
      if (problem !== undefined) say(`  ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  say(`${caught} passed, ${wanted.length - caught} failed`);
  return caught === wanted.length && caught > 0 ? 0 : 1;
}

/** Why nothing was caught; undefined: the scenario failed. A program that cannot even be loaded proves nothing. */
async function playBroken(name: string, { edits }: Break): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "konsul-scenario-"));
  try {
    await copyTree(folder);
    for (const edit of edits) {
      const path = join(folder, edit.file);
      await writeFile(path, mutate(await readFile(path, "utf8"), edit));
    }
    return await whyItPasses({ folder, file: "test/sim/scenarios/scenarios.test.ts", name });
  } catch (cause) {
    if (cause instanceof RangeError) return cause.message;
    throw cause;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

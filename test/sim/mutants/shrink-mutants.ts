import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EVENTS_ENOUGH } from "../shrink.ts";
import { mutate, type Mutant } from "./mutant.ts";
import { copyTree } from "./run-mutants.ts";
import { MUTANTS } from "./table.ts";

const HORIZON_MS = 20_000;

export interface Planted {
  readonly events: number;
  /** What the shrunk run breaks when it is played again by the command that was printed. */
  readonly replayed: string;
  readonly broke: string;
}

/** Plants mutants in copies of the tree, and looks whether what they break is made small and can be played again. */
export async function shrinkMutants(numbers: readonly number[], say: (text: string) => void): Promise<number> {
  let passed = 0;
  for (const number of numbers) {
    const mutant = MUTANTS.find((other) => other.number === number);
    if (mutant === undefined) throw new RangeError(`There is no mutant ${number}`);
    const { events, broke, replayed } = await plant(mutant);
    const isGood = events <= EVENTS_ENOUGH && replayed === broke;
    if (isGood) passed += 1;
    say(
      `${isGood ? "shrunk  " : "TOO MUCH"} ${number}. ${mutant.breaks}: ${events} events left of what broke ${broke}`,
    );
    if (replayed !== broke) say(`  played again it broke ${replayed}`);
  }
  say(`${passed} passed, ${numbers.length - passed} failed`);
  return passed === numbers.length ? 0 : 1;
}

export async function plant(mutant: Mutant): Promise<Planted> {
  const folder = await mkdtemp(join(tmpdir(), "konsul-planted-"));
  try {
    await copyTree(folder);
    const path = join(folder, mutant.file);
    await writeFile(path, mutate(await readFile(path, "utf8"), mutant));
    const [seed] = mutant.seeds;
    if (seed === undefined) throw new RangeError(`The mutant ${mutant.number} must have a seed that catches it`);
    const said = await simulate(folder, ["--seed", String(seed), "--ticks", String(HORIZON_MS)]);
    const left = /(\d+) faults and (\d+) operations of clients/.exec(said);
    const command = /replay the smaller one: bun test\/sim\/main\.ts (.+)/.exec(said)?.[1];
    if (left === null || command === undefined) throw new Error(`The mutant ${mutant.number} was not caught: ${said}`);
    const again = await simulate(folder, command.split(" "));
    return { events: Number(left[1]) + Number(left[2]), broke: ruleIn(said), replayed: ruleIn(again) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ruleIn(said: string): string {
  return /^seed \d+ broke (".+?") at/m.exec(said)?.[1] ?? "nothing";
}

async function simulate(folder: string, args: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, join(folder, "test/sim/main.ts"), ...args], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await new Response(child.stdout).text();
  await child.exited;
  return said;
}

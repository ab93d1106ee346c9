import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutate, type Mutant } from "./mutant.ts";
import { whyItPasses } from "../scenarios/play-broken.ts";
import { SCHEDULES, scheduleName } from "./schedules.ts";
import { MUTANTS } from "./table.ts";

export interface MutantOptions {
  /** Only those with a recorded seed or a schedule. */
  readonly isQuick: boolean;
  readonly only: number | undefined;
  /** For each mutant; 60 s unless told. */
  readonly timeMs: number | undefined;
  readonly say: (text: string) => void;
}

const ROOT = new URL("../../../", import.meta.url).pathname;
const SEEDS_MAX = 500;
const TIME_MS_MAX = 60_000;
const HORIZON_MS = 20_000;
const AT_ONCE = 2;

/** Breaks the code in each known way; a mutant that survives means that the simulator lacks a fault or a check. */
export async function runMutants(options: MutantOptions): Promise<number> {
  const { only, isQuick, say } = options;
  const wanted = MUTANTS.filter(({ number, seeds }) =>
    only === undefined ? !isQuick || seeds.length > 0 || SCHEDULES.has(number) : number === only,
  );
  const waiting = [...wanted];
  let caught = 0;
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await runMutant(mutant, { isQuick, timeMs: options.timeMs ?? TIME_MS_MAX });
      if (verdict.isCaught) caught += 1;
      say(`${verdict.isCaught ? "caught  " : "SURVIVED"} ${mutant.number}. ${mutant.breaks}: ${verdict.how}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  say(`${caught} passed, ${wanted.length - caught} failed`);
  return caught === wanted.length ? 0 : 1;
}

interface Verdict {
  readonly isCaught: boolean;
  readonly how: string;
}

interface Effort {
  readonly isQuick: boolean;
  readonly timeMs: number;
}

async function runMutant(mutant: Mutant, { isQuick, timeMs }: Effort): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), "konsul-mutant-"));
  try {
    await copyTree(folder);
    for (const edit of [mutant, ...(mutant.also === undefined ? [] : [mutant.also])]) {
      const path = join(folder, edit.file);
      await writeFile(path, mutate(await readFile(path, "utf8"), edit));
    }
    if (SCHEDULES.has(mutant.number)) return await playSchedule(folder, mutant.number);
    for (const seed of isQuick ? mutant.seeds : []) {
      const verdict = await simulate(folder, { mutant, seeds: 1, from: seed, timeMs });
      if (verdict.isCaught) return verdict;
    }
    // Any change of the code under test may shift what a recorded seed leads to.
    const hunted = await simulate(folder, { mutant, seeds: SEEDS_MAX, from: 1, timeMs });
    const stale = isQuick && hunted.isCaught ? `seeds ${mutant.seeds.join(", ")} do not catch it any more: ` : "";
    return { ...hunted, how: stale + hunted.how };
  } catch (cause) {
    if (cause instanceof RangeError) return { isCaught: false, how: cause.message };
    throw cause;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function playSchedule(folder: string, number: number): Promise<Verdict> {
  const problem = await whyItPasses({
    folder,
    file: "test/sim/mutants/schedules.test.ts",
    name: scheduleName(number),
  });
  return { isCaught: problem === undefined, how: problem ?? "its schedule fails" };
}

export async function copyTree(folder: string): Promise<void> {
  for (const part of ["src", "test/sim", "test/linearizability"]) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await cp(join(ROOT, "package.json"), join(folder, "package.json"));
  await cp(join(ROOT, "tsconfig.json"), join(folder, "tsconfig.json"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
}

/** Caught is a broken promise; a program that cannot even be loaded proves nothing. */
async function simulate(
  folder: string,
  run: { readonly mutant: Mutant; readonly seeds: number; readonly from: number; readonly timeMs: number },
): Promise<Verdict> {
  const { isFull, nemesis } = run.mutant;
  const full = isFull === true ? ["--full"] : [];
  const only = nemesis === undefined || run.seeds === 1 ? [] : ["--nemesis", nemesis];
  const seeds = ["--seeds", String(run.seeds), "--from", String(run.from)];
  const flags = ["--stop-at-failure", "--time-ms", String(run.timeMs), "--ticks", String(HORIZON_MS)];
  const child = Bun.spawn([process.execPath, join(folder, "test/sim/main.ts"), ...seeds, ...flags, ...full, ...only], {
    stdout: "pipe",
    stderr: "pipe",
    timeout: run.timeMs * 2 + 10_000,
  });
  const said = await new Response(child.stdout).text();
  const complaints = await new Response(child.stderr).text();
  await child.exited;
  const failure = said.split("\n").find((line) => /^seed \d+ broke/.test(line));
  if (failure !== undefined) return { isCaught: true, how: failure.slice(0, 160) };
  if (said.includes(" passed, 0 failed")) return { isCaught: false, how: said.trim().split("\n").at(-1) ?? "" };
  return { isCaught: false, how: `the run did not end by itself: ${complaints.slice(0, 300)}` };
}

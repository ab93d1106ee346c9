import { parseArgs } from "node:util";
import { runMutants } from "./mutants/run-mutants.ts";
import { NEMESES, type NemesisName } from "./nemesis/nemesis.ts";
import { describeFailure, describeMarks, describePlan, describeTally } from "./report.ts";
import { shrinkMutants } from "./mutants/shrink-mutants.ts";
import { parsePlan, planText } from "./plan-codec.ts";
import { cpuMs, planSeed, runPlan, type Overrides } from "./run-seed.ts";
import { runBroken } from "./scenarios/run-broken.ts";
import { shrink } from "./shrink.ts";
import { parseShare, runShare, type Share } from "./sweep-worker.ts";
import { sweep, type SweepResult } from "./sweep.ts";

/** The same seeds run everywhere, unless a machine is so busy that the time is up. */
const CI_SEEDS = 2000;
const CI_WORKERS = 2;
const CI_MS_MAX = 900_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    plan: { type: "string" },
    "shrink-mutants": { type: "string" },
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    seconds: { type: "string" },
    ticks: { type: "string" },
    sweep: { type: "string" },
    ci: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    mutant: { type: "string" },
    scenarios: { type: "boolean", default: false },
    attack: { type: "string" },
    workers: { type: "string" },
    trace: { type: "boolean", default: false },
    shrink: { type: "boolean", default: false },
    "no-shrink": { type: "boolean", default: false },
    "stop-at-failure": { type: "boolean", default: false },
    "time-ms": { type: "string" },
    share: { type: "string" },
    full: { type: "boolean", default: false },
    nemesis: { type: "string", default: "" },
    marks: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const USAGE = `bun test/sim/main.ts
  --seed S [--trace] [--no-shrink]   one run, and what is left of it when it fails
  --plan WORD [--trace]              plays a smaller run as a failing one printed it
  --seeds N [--from S]               N runs
  --sweep MINUTES [--from S]         runs for so long; fails when a mark is never reached
  --ci                               ${CI_SEEDS} seeds in ${CI_WORKERS} processes
  --mutants [--mutant N]             breaks the code on purpose, and must notice
  --shrink-mutants 6,12,13           plants mutants, and shrinks what they break
  --scenarios [--attack 1.6]         breaks the rule behind each scenario; the scenario must fail
  --seconds T                        simulated seconds of a run, 60 unless told; or --ticks MS
  --full                             every run with sessions, locks, services and watchers; else one in twenty
  --nemesis NAME                     only seeds with this attack: ${NEMESES.join(", ")}
  --workers N                        worker processes`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function horizonMs(): number | undefined {
  if (values.ticks !== undefined) return Number(values.ticks);
  return values.seconds === undefined ? undefined : Number(values.seconds) * 1000;
}

function replayCommand(seed: number): string {
  const horizon = horizonMs();
  const full = values.full ? " --full" : "";
  return `bun test/sim/main.ts --seed ${seed}${horizon === undefined ? "" : ` --ticks ${horizon}`}${full}`;
}

/** One seed, told in full. */
function runOne(seed: number): number {
  const horizon = horizonMs();
  const plan = planSeed(seed, {
    ...(horizon === undefined ? {} : { horizonMs: horizon }),
    ...(values.full ? { machine: "full" } : {}),
  });
  return playOne(plan, replayCommand(seed));
}

/** A run that was made smaller, as it was printed. */
function runPlanned(text: string): number {
  return playOne(parsePlan(text), `bun test/sim/main.ts --plan ${text}`);
}

function playOne(plan: Overrides, replay: string): number {
  const { seed } = plan.options;
  const startedAt = performance.now();
  const result = runPlan(plan, values.trace ? say : undefined);
  const wallMs = performance.now() - startedAt;
  say(
    `seed ${seed}: trace ${result.traceHash}, ${result.events} events, ${result.acked} acknowledged writes, ${Math.round(wallMs)} ms`,
  );
  if (values.marks) for (const [mark, count] of result.marks) say(`  ${count} ${mark}`);
  if (result.violation === undefined) {
    say("1 passed, 0 failed");
    return 0;
  }
  say(describeFailure(result));
  if (!values["no-shrink"]) {
    const shrinkStartedAt = cpuMs();
    const { plan: smaller, runs } = shrink(plan, result.violation.rule, () => cpuMs() - shrinkStartedAt);
    const least = runPlan(smaller);
    say(`\nafter ${runs} smaller runs: ${describePlan(smaller)}`);
    say(describeFailure(least));
    say(`replay the smaller one: bun test/sim/main.ts --plan ${planText(smaller)} --no-shrink --trace`);
  }
  say(`replay: ${replay} --trace`);
  say("0 passed, 1 failed");
  return 1;
}

async function runMany(share: Omit<Share, "step">, workers: number, mustReachAll: boolean): Promise<number> {
  const result = await sweep(share, workers, (failed) => {
    say(describeFailure(failed));
    say(`  replay: ${replayCommand(failed.seed)}`);
  });
  return conclude(result, mustReachAll);
}

function conclude({ tally, marks, wallMs }: SweepResult, mustReachAll: boolean): number {
  say(`states reached:\n${describeMarks(marks)}`);
  const unreached = marks.unreached();
  if (unreached.length > 0) say(`never reached: ${unreached.join(", ")}`);
  say(describeTally(tally, wallMs));
  say(`${tally.passed} passed, ${tally.failed.length} failed`);
  return tally.failed.length > 0 || (mustReachAll && unreached.length > 0) ? 1 : 0;
}

async function main(): Promise<number> {
  const horizon = horizonMs();
  const from = Number(values.from);
  const stopsAtFailure = values["stop-at-failure"];
  const isFull = values.full;
  const nemesis: NemesisName | "" = NEMESES.find((name) => name === values.nemesis) ?? "";
  const kind = { stopsAtFailure, isFull, nemesis };
  const timeMs = values["time-ms"] === undefined ? Infinity : Number(values["time-ms"]);
  const workers = Number(values.workers ?? "1");
  if (values.help) {
    say(USAGE);
    return 0;
  }
  if (values.share !== undefined) {
    runShare(parseShare(values.share), (result) => process.send?.({ result: { ...result, asks: [] } }));
    process.send?.("done");
    return 0;
  }
  if (values.mutants || values.mutant !== undefined) {
    return runMutants({
      isQuick: values.ci,
      only: values.mutant === undefined ? undefined : Number(values.mutant),
      timeMs: values["time-ms"] === undefined ? undefined : timeMs,
      say,
    });
  }
  if (values.scenarios) return runBroken({ only: values.attack, say });
  if (values["shrink-mutants"] !== undefined)
    return shrinkMutants(values["shrink-mutants"].split(",").map(Number), say);
  if (values.plan !== undefined) return runPlanned(values.plan);
  if (values.seed !== undefined) return runOne(Number(values.seed));
  if (values.ci) {
    const share = { from, count: CI_SEEDS, horizonMs: horizon, timeMs: CI_MS_MAX, ...kind };
    return runMany(share, CI_WORKERS, false);
  }
  if (values.sweep !== undefined) {
    const sweepMs = Number(values.sweep) * 60_000;
    const share = { from, count: 1e9, horizonMs: horizon, timeMs: sweepMs, ...kind };
    return runMany(share, Number(values.workers ?? "2"), true);
  }
  const count = Number(values.seeds ?? "100");
  return runMany({ from, count, horizonMs: horizon, timeMs, ...kind }, workers, false);
}

process.exitCode = await main();

import { drainMicrotasks } from "bun:jsc";
import { createPrng } from "../../src/base/index.ts";
import { drawFaults } from "./faults/draw-faults.ts";
import type { Fault } from "./faults/fault.ts";
import { scheduleFaults } from "./faults/inject.ts";
import { checkLiveness, healAll } from "./liveness.ts";
import { withNemeses, withUpgrade } from "./nemesis/draw-nemeses.ts";
import { Trace } from "./trace.ts";
import { drawSwarm, type SwarmLimits, type SwarmOptions } from "./swarm.ts";
import { ViolationFound, type Violation } from "./violation.ts";
import { decodeWrite } from "./workload/command.ts";
import type { Outcome } from "./workload/history.ts";
import { resultOfWrite } from "./workload/tiny-machine.ts";
import { Asks } from "./workload/asks.ts";
import { Client } from "./workload/client.ts";
import { Operator } from "./workload/operator.ts";
import { startTenants } from "./registry/tenants.ts";
import { World } from "./world.ts";

/** What to run instead of what the seed says by itself: how a failure is made smaller. */
export interface Overrides {
  readonly options: SwarmOptions;
  readonly faults: readonly Fault[];
  /** Operations of clients that take place, by number; all unless told. */
  readonly asks?: readonly number[];
  /** The run ends with its faults: what comes after them is not judged. */
  readonly isCutShort?: boolean;
}

export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly traceHash: string;
  readonly events: number;
  readonly messages: number;
  readonly acked: number;
  /** Operations that clients began, by number. */
  readonly asks: readonly number[];
  readonly simulatedMs: number;
  /** Processor time that it took. */
  readonly cpuMs: number;
  readonly faults: number;
  readonly marks: readonly (readonly [string, number])[];
}

/** All that a seed says. */
export function planSeed(seed: number, limits: SwarmLimits = {}): Overrides {
  const options = drawSwarm(seed, limits);
  return withUpgrade(withNemeses({ options, faults: drawFaults(options, createPrng(seed * 31 + 7)) }));
}

/** One whole run: faults and load, then calm, then the judgement over all that clients saw. */
export function runPlan(plan: Overrides, write?: (line: string) => void): RunResult {
  const { options, faults } = plan;
  const startedAt = cpuMs();
  const trace = new Trace(write);
  const world = new World(options, trace);
  world.asks = new Asks(plan.asks);
  let violation: Violation | undefined;
  try {
    if (options.machine === "full") {
      world.scheduler.afterEach = () => {
        drainMicrotasks();
        // What a check threw into a promise is caught there: here it ends the run.
        if (world.violation !== undefined) throw new ViolationFound(world.violation);
      };
    }
    world.start();
    populate(world);
    scheduleFaults(world, faults);
    world.scheduler.run(options.horizonMs, () => false);
    if (plan.isCutShort !== true) judge(world);
  } catch (cause) {
    if (cause instanceof ViolationFound) violation = cause.violation;
    // A simulated port was asked for what its contract forbids.
    else if (cause instanceof RangeError) violation = { rule: "ports", detail: cause.message, at: world.scheduler.now };
    else throw cause;
  }
  violation = world.violation ?? violation;
  trace.mix(world.oracle.committed.lastIndex);
  return {
    seed: options.seed,
    violation,
    traceHash: trace.hash,
    events: world.scheduler.count,
    messages: world.messageCount,
    acked: world.ackedCount,
    asks: world.asks.taken,
    simulatedMs: world.scheduler.now,
    cpuMs: cpuMs() - startedAt,
    faults: faults.length,
    marks: world.marks.entries(),
  };
}

/** Time of this process alone, whoever else is busy. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Faults end, and all must come right. */
function judge(world: World): void {
  healAll(world);
  checkLiveness(world);
  checkHistory(world);
}

/** Clients and an operator, each with a stream of their own. */
function populate(world: World): void {
  const clients = Array.from(
    { length: world.options.workload.clientCount },
    () => new Client(world, world.random.fork()),
  );
  for (const client of clients) client.start();
  new Operator(world, world.random.fork()).start();
  world.clients = world.options.machine === "full" ? [...clients, ...startTenants(world)] : clients;
}

function checkHistory(world: World): void {
  const isTiny = world.options.machine === "tiny";
  const outcomes = isTiny ? outcomesOf(world) : undefined;
  const verdict = world.history.check(outcomes);
  if (verdict.kind === "violation") world.fail("history is linearizable", verdict.why);
  if (verdict.kind === "undecided") world.marks.add("history too long to be judged", 1);
}

/** What became of every write in the log. */
function outcomesOf(world: World): ReadonlyMap<string, Outcome> {
  const found = new Map<string, Outcome>();
  for (let index = 1; index <= world.oracle.committed.lastIndex; index += 1) {
    const { entry, result, at } = world.oracle.committed.at(index) ?? {};
    if (entry?.kind !== "command" || at === undefined) continue;
    const { value } = decodeWrite(entry.data);
    if (world.refused.has(value))
      world.fail("refused is not done", `the refused write ${value} is committed at ${index}`);
    if (found.has(String(value)))
      world.fail("committed once", `the write ${value} is committed twice, again at ${index}`);
    found.set(String(value), { result: resultOfWrite(result), at });
  }
  return found;
}

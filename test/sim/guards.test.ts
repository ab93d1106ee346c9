import { describe, expect, test } from "bun:test";
import { shrinkMutants } from "./mutants/shrink-mutants.ts";
import { parsePlan, planText } from "./plan-codec.ts";
import { describeTally } from "./report.ts";
import { planSeed, runPlan, type RunResult } from "./run-seed.ts";
import { CALM_DISK } from "./scenarios/calm-options.ts";
import { Scene } from "./scenarios/scene.ts";
import { shrink } from "./shrink.ts";
import { runGuarded } from "./sweep-worker.ts";

const RESULT: RunResult = {
  seed: 1,
  violation: undefined,
  traceHash: "a",
  events: 300_000,
  messages: 0,
  acked: 7,
  asks: [],
  simulatedMs: 60_000,
  cpuMs: 1000,
  faults: 3,
  marks: [],
};

describe("canaries: what guards the runs would notice", () => {
  test("a seed in a hundred whose second run differs", () => {
    let runs = 0;
    const play = (): RunResult => ({ ...RESULT, traceHash: String((runs += 1)) });
    expect(runGuarded(300, play).violation?.rule).toBe("deterministic");
    expect(runGuarded(301, play).violation).toBeUndefined();
    expect(runs).toBe(3);
    expect(runGuarded(300, () => RESULT).violation).toBeUndefined();
  });

  test("a trace tells runs apart that differ in one delay", () => {
    const plan = planSeed(7, { horizonMs: 1000 });
    const { network } = plan.options;
    const latencyMsMax = network.latencyMsMax + 0.1;
    const slower = { ...plan, options: { ...plan.options, network: { ...network, latencyMsMax } } };
    expect(runPlan(slower).traceHash).not.toBe(runPlan(plan).traceHash);
  });

  test("indexes are compared after every event where a run is dear, and now and then elsewhere", () => {
    const count = (isDear: boolean): { steps: number; looks: number } => {
      const scene = new Scene({ hosts: 3, voters: 3, options: { isDear, disk: CALM_DISK } });
      scene.elect();
      const counted = { steps: 0, looks: 0 };
      const onStep = scene.world.onStep.bind(scene.world);
      scene.world.onStep = (process) => {
        counted.steps += 1;
        const check = process.checkStatus.bind(process);
        process.checkStatus = () => {
          counted.looks += 1;
          check();
        };
        onStep(process);
        process.checkStatus = check;
      };
      scene.run(2000);
      return counted;
    };
    const dear = count(true);
    expect(dear.looks).toBe(dear.steps);
    const usual = count(false);
    expect(usual.looks).toBeGreaterThan(0);
    expect(usual.looks).toBeLessThan(usual.steps / 32);
    const dearSeeds = Array.from({ length: 1000 }, (_, seed) => planSeed(seed).options.isDear).filter(Boolean).length;
    expect(dearSeeds).toBeGreaterThan(3);
    expect(dearSeeds).toBeLessThan(30);
  });

  test("a leader that knows less of a follower than it knew before, in one term", () => {
    const scene = new Scene({ hosts: 3, voters: 3 });
    const { process } = scene.host(scene.elect());
    scene.run(500);
    const node = process?.node;
    if (process === undefined || node === undefined) throw new Error("there is a leader");
    const status = node.status.bind(node);
    const told = (change: (match: number, next: number) => { match: number; next: number }) => () => {
      const { core, ...rest } = status();
      const peers = core.peers.map((peer) => ({ ...peer, ...change(peer.match, peer.next) }));
      return { ...rest, core: { ...core, peers } };
    };
    // A member that was started anew may have less, once: all of them were started a moment ago.
    node.status = told((match, next) => ({ match: match - 1, next }));
    process.checkStatus();
    node.status = told((match, next) => ({ match: match - 2, next }));
    expect(() => process.checkStatus()).toThrow(/the match of .* falls/);
    node.status = told((match) => ({ match, next: match }));
    expect(() => process.checkStatus()).toThrow("is not below next");
  });

  test("a leader that refuses writes after its transfer should be over", () => {
    const scene = new Scene({ hosts: 3, voters: 3, electionMs: 500 });
    const { process } = scene.host(scene.elect());
    if (process === undefined) throw new Error("there is a leader");
    const { transferEnds } = scene.world;
    transferEnds.onStarted(process);
    scene.run(500);
    transferEnds.onRefusal(process, "transfer-in-progress");
    scene.run(500);
    transferEnds.onRefusal(process, "not-leader");
    expect(() => transferEnds.onRefusal(process, "transfer-in-progress")).toThrow("a transfer ends");
    transferEnds.onStarted(process);
    transferEnds.onRefusal(process, "transfer-in-progress");
  });

  test("leaders that lose their office again and again while nothing happens", () => {
    const scene = new Scene({ hosts: 3, voters: 3, electionMs: 500 });
    const { world } = scene;
    const disturb = (left: number): void => {
      world.leader()?.host.kill(1, false);
      if (left > 0) world.scheduler.after(2000, () => disturb(left - 1));
    };
    world.scheduler.after(2000, () => disturb(30));
    expect(() => scene.finish()).toThrow("leads undisturbed");
  });

  test("the speed of one core, and how many seeds came out of a minute", () => {
    const { events, simulatedMs, cpuMs, acked, faults } = RESULT;
    const said = describeTally({ passed: 9, failed: [RESULT], events, simulatedMs, cpuMs, acked, faults }, 120_000);
    expect(said).toContain("5 seeds a minute; 300000 events/s and 60 simulated seconds a second");
  });
});

describe("a run as a word", () => {
  test("is played again exactly, with the operations that were left", () => {
    const plan = planSeed(3, { horizonMs: 2000 });
    const whole = runPlan(plan);
    expect(whole.asks.length).toBeGreaterThan(10);
    const half = { ...plan, asks: whole.asks.slice(0, 5) };
    const again = parsePlan(planText(half));
    expect(runPlan(again).traceHash).toBe(runPlan(half).traceHash);
    expect(runPlan(again).asks).toEqual(half.asks);
    expect(() => parsePlan("bm90aGluZw")).toThrow("must be the word that a failing run printed");
  });

  test("is not made smaller than what still breaks the rule, nor for longer than a minute", () => {
    const plan = planSeed(3, { horizonMs: 100 });
    let elapsedMs = 0;
    const { plan: left, runs } = shrink(plan, "a rule that nothing breaks", () => (elapsedMs += 10_000));
    expect(left).toEqual(plan);
    expect(runs).toBe(5);
  });

  test("is what planted bugs are shrunk to, and the printed command breaks the same rule again", async () => {
    const said: string[] = [];
    expect(await shrinkMutants([6, 12, 13], (line) => said.push(line))).toBe(0);
    expect(said.filter((line) => line.startsWith("shrunk"))).toHaveLength(3);
  }, 600_000);
});

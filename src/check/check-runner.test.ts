import { describe, expect, test } from "bun:test";
import type { Clock } from "../base/index.ts";
import { createKonsulFsm, encodeCommand, overallStatus, type ActiveCheck, type Command } from "../fsm/index.ts";
import { CheckRunner } from "./check-runner.ts";
import type { ProbeResult } from "./probe.ts";

/** A cluster of one whose clock, leadership and checked services the test moves. */
class World {
  readonly fsm = createKonsulFsm();
  readonly runner: CheckRunner;
  readonly runs: number[] = [];
  readonly targets: string[] = [];
  now = 1000;
  isLeading = true;
  entries = 0;
  isLosing = false;
  result: ProbeResult = { status: "passing", output: "fine" };

  constructor() {
    const clock: Clock = {
      now: () => this.now,
      wall: () => this.now,
      at: () => ({ cancel: () => undefined }),
      defer: () => undefined,
    };
    this.runner = new CheckRunner({
      fsm: this.fsm,
      clock,
      isLeading: () => this.isLeading,
      write: async (command) =>
        Promise.resolve(this.isLosing ? { kind: "unknown", reason: "timeout" as const } : this.write(command)),
      probe: async ({ target }) => {
        this.runs.push(this.now);
        this.targets.push(target);
        return Promise.resolve(this.result);
      },
      random: () => 0.5,
    });
  }

  write(command: Command) {
    this.entries += 1;
    const index = this.fsm.appliedIndex + 1;
    const result = this.fsm.apply({ index, kind: "command", time: index, data: encodeCommand(command) });
    return { kind: "done" as const, index, result };
  }

  register(more: Partial<ActiveCheck> = {}, id = "1"): void {
    const check = {
      name: "up",
      kind: "tcp" as const,
      target: "10.0.0.1:80",
      intervalMs: 1000,
      timeoutMs: 500,
      successThreshold: 1,
      failureThreshold: 1,
      ...more,
    };
    const instance = { address: "a", port: 1, tags: [], meta: [], weight: 1, ttlMs: 0, deregisterAfterMs: 0 };
    this.write({ kind: "service-register", name: "web", id, instance: { ...instance, checks: [check] } });
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(end, this.now + 100);
      this.runner.sweep();
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  get status(): string | undefined {
    const row = this.fsm.services.get("web", "1");
    return row === undefined ? undefined : overallStatus(row);
  }
}

describe("a check that the cluster runs", () => {
  test("runs once an interval, and only a changed status is written", async () => {
    const world = new World();
    world.register();
    expect(world.status).toBe("critical");
    await world.pass(2000);
    expect(world.status).toBe("passing");
    expect(world.entries).toBe(2);
    await world.pass(10_000);
    expect(world.runs).toHaveLength(12);
    expect(world.entries).toBe(2);
    world.result = { status: "critical", output: "gone" };
    await world.pass(2000);
    expect(world.status).toBe("critical");
    expect(world.fsm.services.get("web", "1")?.checkStates[0]?.output).toBe("gone");
    expect(world.entries).toBe(3);
  });

  test("changes only after as many equal results in a row as its thresholds say", async () => {
    const world = new World();
    world.register({ successThreshold: 3, failureThreshold: 2 });
    await world.pass(2500);
    expect(world.status).toBe("critical");
    await world.pass(1000);
    expect(world.status).toBe("passing");
    world.result = { status: "critical", output: "gone" };
    await world.pass(1000);
    world.result = { status: "passing", output: "fine" };
    await world.pass(1000);
    world.result = { status: "critical", output: "gone" };
    await world.pass(1000);
    expect(world.status).toBe("passing");
    await world.pass(1000);
    expect(world.status).toBe("critical");
  });

  test("is run by the leader alone, and taken over by the next one", async () => {
    const world = new World();
    world.isLeading = false;
    world.register();
    await world.pass(5000);
    expect(world.runs).toHaveLength(0);
    world.isLeading = true;
    await world.pass(2000);
    expect(world.status).toBe("passing");
    world.isLeading = false;
    const before = world.runs.length;
    await world.pass(5000);
    expect(world.runs).toHaveLength(before);
  });

  test("ends with its instance, and begins anew when it becomes another", async () => {
    const world = new World();
    world.register();
    await world.pass(2000);
    world.register({ target: "10.0.0.2:80" });
    expect(world.status).toBe("critical");
    await world.pass(2000);
    expect(world.status).toBe("passing");
    // The same again changes nothing of what is known.
    world.register({ target: "10.0.0.2:80" });
    expect(world.status).toBe("passing");
    world.write({ kind: "service-deregister", name: "web" });
    const before = world.runs.length;
    await world.pass(5000);
    expect(world.runs).toHaveLength(before);
  });

  test("is written with its next run when the write got lost", async () => {
    const world = new World();
    world.register();
    world.isLosing = true;
    await world.pass(3000);
    expect(world.status).toBe("critical");
    world.isLosing = false;
    await world.pass(2000);
    expect(world.status).toBe("passing");
  });

  test("gets its turn where there are more than can run in time", async () => {
    const world = new World();
    for (let number = 0; number < 300; number += 1) {
      world.register({ intervalMs: 500, target: `10.0.0.1:${number + 1}` }, String(number));
    }
    await world.pass(3000);
    expect(new Set(world.targets).size).toBe(300);
  });
});

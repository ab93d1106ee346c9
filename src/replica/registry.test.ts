import { describe, expect, test } from "bun:test";
import type { Clock } from "../base/index.ts";
import { createKonsulFsm, encodeCommand, type Command, type KonsulFsm } from "../fsm/index.ts";
import type { WriteOutcome } from "./outcome.ts";
import { Registry } from "./registry.ts";

/** A cluster of one whose clock and leadership the test moves. */
class World {
  readonly fsm: KonsulFsm = createKonsulFsm();
  readonly registry: Registry;
  now = 1000;
  isLeading = true;
  term = 1;
  entries = 0;

  constructor() {
    const clock: Clock = {
      now: () => this.now,
      wall: () => this.now,
      at: () => ({ cancel: () => undefined }),
      defer: () => undefined,
    };
    this.registry = new Registry({
      fsm: this.fsm,
      clock,
      leadingTerm: () => (this.isLeading ? this.term : undefined),
      confirm: async () => Promise.resolve(undefined),
      write: async (command) => Promise.resolve(this.write(command)),
    });
  }

  write(command: Command): Extract<WriteOutcome, { kind: "done" }> {
    this.entries += 1;
    const index = this.fsm.appliedIndex + 1;
    const result = this.fsm.apply({ index, kind: "command", time: index, data: encodeCommand(command) });
    return { kind: "done", index, result };
  }

  register(ttlMs: number, deregisterAfterMs = 0): void {
    const instance = { address: "a", port: 1, tags: [], meta: [], weight: 1, ttlMs, deregisterAfterMs, checks: [] };
    this.write({ kind: "service-register", name: "web", id: "1", instance });
  }

  /** Time passes as it does for a live process: a sweep every 200 ms. */
  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(end, this.now + 200);
      await this.registry.sweep();
    }
  }

  get status(): string | undefined {
    return this.fsm.services.get("web", "1")?.status;
  }
}

describe("an instance with a TTL", () => {
  test("turns critical after its TTL and not before, and passes again with a heartbeat", async () => {
    const world = new World();
    world.register(5000);
    await world.pass(4999);
    expect(world.status).toBe("passing");
    await world.pass(201);
    expect(world.status).toBe("critical");
    expect(await world.registry.heartbeat("web", "1")).toEqual({ kind: "renewed", status: "passing" });
    expect(world.status).toBe("passing");
  });

  test("lives on heartbeats that cost no log entry", async () => {
    const world = new World();
    world.register(5000);
    const before = world.entries;
    for (let beat = 0; beat < 10; beat += 1) {
      await world.pass(4000);
      await world.registry.heartbeat("web", "1");
    }
    expect([world.status, world.entries]).toEqual(["passing", before]);
  });

  test("has its full TTL again under a new leader", async () => {
    const world = new World();
    world.register(5000);
    await world.pass(4000);
    world.isLeading = false;
    await world.pass(4000);
    world.isLeading = true;
    await world.pass(4900);
    expect(world.status).toBe("passing");
    await world.pass(600);
    expect(world.status).toBe("critical");
  });

  test("is not charged for a pause of the leader's own process", async () => {
    const world = new World();
    world.register(5000);
    await world.pass(1000);
    world.now += 60_000;
    await world.registry.sweep();
    expect(world.status).toBe("passing");
    await world.pass(4500);
    expect(world.status).toBe("critical");
  });

  test("is removed when it stays silent for longer than allowed", async () => {
    const world = new World();
    world.register(5000, 10_000);
    await world.pass(9800);
    expect(world.status).toBe("critical");
    await world.pass(600);
    expect(world.status).toBeUndefined();
    expect(await world.registry.heartbeat("web", "1")).toEqual({ kind: "not-found" });
  });
});

test("a heartbeat that meets the removal of its instance says that there is none", async () => {
  const world = new World();
  world.register(1000, 10_000);
  await world.pass(2000);
  expect(world.status).toBe("critical");
  const beat = world.registry.heartbeat("web", "1");
  // Stands in the log before the entry that the heartbeat is about to write.
  world.write({ kind: "service-deregister", name: "web", id: "1" });
  expect(await beat).toEqual({ kind: "not-found" });
  const meeting = new World();
  meeting.register(1000, 10_000);
  await meeting.pass(2000);
  const original = meeting.write.bind(meeting);
  meeting.write = (command) => {
    original({ kind: "service-deregister", name: "web", id: "1" });
    return original(command);
  };
  expect(await meeting.registry.heartbeat("web", "1")).toEqual({ kind: "not-found" });
});

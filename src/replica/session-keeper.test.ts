import { describe, expect, test } from "bun:test";
import type { Clock } from "../base/index.ts";
import { createKonsulFsm, encodeCommand, type Command, type KonsulFsm } from "../fsm/index.ts";
import type { WriteOutcome } from "./outcome.ts";
import { SessionKeeper } from "./session-keeper.ts";

/** A cluster of one whose clock, leadership and writes the test moves. */
class World {
  readonly fsm: KonsulFsm = createKonsulFsm();
  readonly keeper: SessionKeeper;
  now = 1000;
  isLeading = true;
  term = 1;
  /** Set: writes wait until the test lets them go. */
  held: (() => void)[] | undefined;

  constructor() {
    const clock: Clock = {
      now: () => this.now,
      wall: () => this.now,
      at: () => ({ cancel: () => undefined }),
      defer: () => undefined,
    };
    this.keeper = new SessionKeeper({
      fsm: this.fsm,
      clock,
      leadingTerm: () => (this.isLeading ? this.term : undefined),
      confirm: async () => Promise.resolve(undefined),
      write: async (command) => {
        const { held } = this;
        if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
        return this.write(command);
      },
    });
  }

  write(command: Command): WriteOutcome {
    const index = this.fsm.appliedIndex + 1;
    const result = this.fsm.apply({ index, kind: "command", time: index, data: encodeCommand(command) });
    return { kind: "done", index, result };
  }

  create(ttlMs: number): void {
    const terms = { name: "", ttlMs, behavior: "release", lockDelayMs: 0 } as const;
    this.write({ kind: "session-create", id: "s", terms });
    this.keeper.sweep();
  }

  /** Time passes as it does for a live process: a sweep every 200 ms. */
  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(end, this.now + 200);
      this.keeper.sweep();
      await Promise.resolve();
    }
  }

  get isAlive(): boolean {
    return this.fsm.sessions.get("s") !== undefined;
  }
}

describe("a session", () => {
  test("ends between one and two TTLs after its last renewal", async () => {
    const world = new World();
    world.create(5000);
    await world.pass(4800);
    expect(await world.keeper.renew("s")).toEqual({ kind: "renewed" });
    await world.pass(4900);
    expect(world.isAlive).toBe(true);
    await world.pass(5000);
    expect(world.isAlive).toBe(false);
    expect(await world.keeper.renew("s")).toEqual({ kind: "not-found" });
  });

  test("without a TTL never ends by itself", async () => {
    const world = new World();
    world.create(0);
    await world.pass(1_000_000);
    expect(world.isAlive).toBe(true);
  });

  test("has its full TTL again under a new leader, and is renewed by nobody else", async () => {
    const world = new World();
    world.create(5000);
    await world.pass(4000);
    world.isLeading = false;
    await world.pass(4000);
    expect(await world.keeper.renew("s")).toEqual({ kind: "not-leading" });
    world.isLeading = true;
    await world.pass(4900);
    expect(world.isAlive).toBe(true);
    await world.pass(600);
    expect(world.isAlive).toBe(false);
  });

  test("is not charged for a pause of the leader's own process", async () => {
    const world = new World();
    world.create(5000);
    for (let pause = 0; pause < 10; pause += 1) {
      world.now += 60_000;
      world.keeper.sweep();
    }
    expect(world.isAlive).toBe(true);
  });

  test("is never both renewed and ended: a renewal waits while its end is decided", async () => {
    const world = new World();
    world.create(5000);
    world.held = [];
    await world.pass(5400);
    expect(world.held).toHaveLength(1);
    const renewing = world.keeper.renew("s");
    await Promise.resolve();
    for (const go of world.held) go();
    expect(await renewing).toEqual({ kind: "not-found" });
  });
});

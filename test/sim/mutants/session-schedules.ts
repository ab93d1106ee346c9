import { drainMicrotasks } from "bun:jsc";
import { expect } from "bun:test";
import type { FullNode } from "../registry/full-node.ts";
import { calmOptions, type SceneSetup } from "../scenarios/calm-options.ts";
import type { Pending, Scene } from "../scenarios/scene.ts";
import type { Schedule } from "./schedule.ts";

const TTL_MS = 4000;
const FULL = { machine: "full" } as const;
const { workload } = calmOptions({ hosts: 3, voters: 3 });
/** Writes are given up while their leader still leads. */
const IMPATIENT = { machine: "full", workload: { ...workload, deadlineMs: 300 } } as const;

function fullOf(scene: Scene, number: number): FullNode {
  const full = scene.host(number).process?.full;
  if (full === undefined) throw new RangeError(`The node ${number} must run, with the application`);
  return full;
}

/** Asks the application on a machine. */
function ask<T>(scene: Scene, number: number, run: (full: FullNode) => Promise<T>): Pending<T> {
  const pending: Pending<T> = { answer: undefined, at: Infinity };
  const full = fullOf(scene, number);
  const follow = async (): Promise<void> => {
    pending.answer = await run(full);
    pending.at = scene.now;
  };
  // What the application throws leaves the question unanswered, and that fails the schedule.
  scene.host(number).process?.enter(() => void follow());
  return pending;
}

function openSession(scene: Scene, number: number): string {
  const id = scene.world.mint();
  const terms = { name: "", ttlMs: TTL_MS, behavior: "release", lockDelayMs: 0 } as const;
  const made = ask(scene, number, async ({ replica }) => replica.write({ kind: "session-create", id, terms }));
  scene.until("there is a session", () => made.answer?.kind === "done");
  return id;
}

function register(scene: Scene): Pending<unknown> {
  const instance = { address: "a", port: 1, tags: [], meta: [], weight: 1, ttlMs: TTL_MS, deregisterAfterMs: 0 };
  return ask(scene, 0, async ({ replica }) =>
    replica.write({ kind: "service-register", name: "s", id: "1", instance: { ...instance, checks: [] } }),
  );
}

/** What a renewal is told; undefined: it gets no answer in time. */
function renew(scene: Scene, number: number, id: string, withinMs = 4000): string | undefined {
  const renewal = ask(scene, number, async ({ sessions }) => sessions.renew(id));
  scene.run(withinMs);
  return renewal.answer?.kind;
}

function untilItsEndIsProposed(scene: Scene): void {
  // By then whatever else is written in an idle cluster has been.
  scene.run(TTL_MS - 500);
  scene.until("the end of the session is proposed", () => scene.status(0).lastIndex > scene.status(0).commit);
}

/** Attack 3.3: the leader is replaced and does not know it. */
function depose(scene: Scene): void {
  scene.isolate(0);
  const { process } = scene.host(0);
  if (process === undefined) throw new RangeError("The leader must run");
  for (const { process: other } of scene.others(0)) {
    other?.enter(() => other.transport.receiver?.onPeerGone({ key: process.key, boot: process.boot }));
  }
  scene.elect(scene.others(0), 300);
  expect(scene.status(0).role).toBe("leader");
}

function renewedByDeposed(scene: Scene): void {
  scene.lead(0);
  const id = openSession(scene, 0);
  depose(scene);
  expect(renew(scene, 0, id)).not.toBe("renewed");
}

function beatAtDeposed(scene: Scene): void {
  scene.lead(0);
  const first = register(scene);
  scene.until("it is registered", () => first.answer !== undefined);
  scene.run(500);
  depose(scene);
  const beat = ask(scene, 0, async ({ registry }) => registry.heartbeat("s", "1"));
  scene.run(4000);
  expect(beat.answer?.kind).not.toBe("renewed");
}

function renewedWhileItEnds(scene: Scene): void {
  scene.lead(0);
  const id = openSession(scene, 0);
  for (const { log } of scene.world.hosts) log.slowDown(300, 60_000);
  untilItsEndIsProposed(scene);
  expect(renew(scene, 0, id)).toBe("not-found");
}

/** Nobody knows whether the end of the session happens: it was given up, and is still in the log. */
function renewedWhenDoomed(scene: Scene): void {
  scene.lead(0);
  const id = openSession(scene, 0);
  for (const { log } of scene.others(0)) log.slowDown(1500, 60_000);
  untilItsEndIsProposed(scene);
  scene.run(500);
  expect(scene.status(0).role).toBe("leader");
  expect(renew(scene, 0, id, 700)).toBe("failed");
}

/** The lead goes to another node and comes back between two sweeps, and the session was renewed there. */
function leadsAgain(scene: Scene): void {
  const hand = (from: number, to: number): void => {
    const { process, clock } = scene.host(from);
    process?.enter(() => process.node?.transfer(scene.key(to), clock.now() + 1000, () => undefined));
    scene.until(`n${to} leads`, () => scene.host(to).process?.ledTerm !== undefined);
  };
  scene.lead(0);
  const id = openSession(scene, 0);
  const { sessions } = fullOf(scene, 0);
  const sweep = sessions.sweep.bind(sessions);
  let sweeps = 0;
  sessions.sweep = () => {
    sweeps += 1;
    sweep();
  };
  scene.run(TTL_MS - 1000);
  sweeps = 0;
  scene.until("a sweep", () => sweeps > 0);
  hand(0, 1);
  expect(renew(scene, 1, id, 30)).toBe("renewed");
  hand(1, 0);
  expect(sweeps).toBe(1);
  scene.run(1500);
  expect(renew(scene, 0, id)).toBe("renewed");
}

/** Somebody sets the wall clock of the leader forward again and again. */
function wallClockIsSet(scene: Scene): void {
  scene.lead(0);
  const id = openSession(scene, 0);
  for (let elapsed = 0; elapsed < TTL_MS - 300; elapsed += 50) {
    scene.host(0).clock.setWall(300);
    scene.run(50);
  }
  expect(renew(scene, 0, id, 100)).toBe("renewed");
}

/** An instance registers anew just before it expires, and its end is decided before that is known. */
function registersAnew(scene: Scene): void {
  scene.lead(0);
  const first = register(scene);
  scene.until("it is registered", () => first.answer !== undefined);
  scene.run(TTL_MS - 100);
  for (const { log } of scene.others(0)) log.slowDown(1500, 60_000);
  const again = register(scene);
  // A sweep decides meanwhile by what is applied.
  scene.run(1000);
  expect(again.answer).toBeUndefined();
  scene.until("everything is applied", () => scene.host(0).process?.applied === scene.status(0).lastIndex);
  expect(fullOf(scene, 0).fsm.services.get("s", "1")?.status).toBe("passing");
}

function above(options: SceneSetup["options"] & object, play: Schedule["play"]): Schedule {
  return {
    setup: { hosts: 3, voters: 3, options },
    play: (scene) => {
      scene.world.scheduler.afterEach = drainMicrotasks;
      play(scene);
    },
  };
}

/** What stands above the node; by the number of the mutant. */
export const SESSION_SCHEDULES: readonly (readonly [number, Schedule])[] = [
  [51, above(FULL, renewedByDeposed)],
  [52, above(FULL, beatAtDeposed)],
  [54, above(FULL, renewedWhileItEnds)],
  [55, above(IMPATIENT, renewedWhenDoomed)],
  [58, above(FULL, leadsAgain)],
  [59, above(FULL, registersAnew)],
  [85, above(FULL, wallClockIsSet)],
];

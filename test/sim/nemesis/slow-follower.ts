import type { Prng } from "../../../src/base/index.ts";
import type { Host } from "../host.ts";
import type { Process } from "../process.ts";
import type { World } from "../world.ts";
import { compact, electionMs, otherVoters, sever, snapshot, when, write } from "./actions.ts";

interface Scene {
  readonly world: World;
  readonly random: Prng;
  readonly leader: Process;
  readonly host: Host;
  readonly follower: Host;
  readonly others: readonly Host[];
  readonly forMs: number;
}

/**
 * A follower has entries that its slow disk has not promised yet. The leader forgets that it sent them, compacts, and
 * sends a snapshot: one that ends within what the follower has, or beyond it, or that arrives long after it is needed.
 */
export function slowFollower(world: World, random: Prng): void {
  const leader = world.leader();
  const host = leader === undefined ? undefined : world.hosts[leader.host.number];
  const others = leader === undefined ? [] : otherVoters(world, leader);
  if (leader === undefined || host === undefined || others.length < 2) return;
  const follower = random.pick(others);
  const scene = { world, random, leader, host, follower, others, forMs: electionMs(world) * (1 + random.float()) };
  const { lastIndex } = follower.log.image;
  const isLate = random.chance(0.5);
  const slowMs = isLate ? 250 : random.pick([300, 1000, 2500]);
  follower.log.slowDown(slowMs, isLate ? slowMs : scene.forMs);
  // Only the follower gets them for now: it knows the entries, and not that they are committed.
  const isAlone = random.chance(0.5);
  const cuts = isAlone ? others.filter((other) => other !== follower) : [];
  const ends = cuts.map((other) => sever(world, host, other, scene.forMs));
  const count = random.between(20, 60);
  write(world, leader, count);
  const isSent = (): boolean => (follower.process?.status()?.lastIndex ?? 0) >= lastIndex + Math.ceil(count * 0.8);
  when(world, world.options.timing.heartbeatTimeoutMs / 2, isSent, () => {
    const release = sever(world, host, follower, scene.forMs);
    for (const end of ends) end();
    const forget = (): void => {
      release();
      if (isLate) delayChunks(scene);
      follower.process?.transport.reset();
    };
    if (isAlone) snapshotOnTheWay(scene, 2, forget);
    else compact(world, leader, { rounds: random.between(2, 4), writes: random.pick([1, 3, 10]) }, forget);
  });
}

/** Snapshots of what is committed so far, while more is on its way to be. */
function snapshotOnTheWay(scene: Scene, left: number, done: () => void): void {
  const { world, leader, others, follower, forMs } = scene;
  if (left === 0) return done();
  for (const other of others) if (other !== follower) other.log.slowDown(10, forMs / 4);
  const from = leader.applied;
  const isFurther = (): boolean => leader.applied > from + 2;
  when(world, forMs, isFurther, () => {
    snapshot(leader);
    world.scheduler.after(2, () => snapshotOnTheWay(scene, left - 1, done));
  });
}

/** What is on the wire comes late: meanwhile the follower goes on without the snapshot, and compacts its log beyond it. */
function delayChunks({ world, random, leader, follower, forMs }: Scene): void {
  const { key } = follower;
  const lateMs = random.pick([1000, 2000, 3000]);
  const until = world.scheduler.now + forMs;
  const delay = (): void => {
    for (const running of world.network.transfers) if (running.snapshot.to === key) running.delayLastChunk(lateMs);
    if (world.scheduler.now < until && !world.network.isCalm) world.scheduler.after(1, delay);
  };
  delay();
  const goOn = (left: number): void => {
    const from = Math.max(follower.process?.applied ?? 0, leader.applied);
    write(world, leader, 5);
    const isFurther = (): boolean => (follower.process?.applied ?? 0) > from;
    when(world, forMs, isFurther, () => {
      if (follower.process !== undefined) snapshot(follower.process);
      if (left > 0) world.scheduler.after(20, () => goOn(left - 1));
    });
  };
  goOn(6);
}

import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { electionMs, isolate, read, write } from "./actions.ts";

/** The leader dies right after it acknowledged, and every other node is asked the moment it knows of a new leader. */
export function earlyReads(world: World, random: Prng): void {
  const leader = world.leader();
  const host = leader === undefined ? undefined : world.hosts[leader.host.number];
  if (leader === undefined || host === undefined) return;
  const forMs = electionMs(world) * random.pick([1, 3]);
  const isCrash = random.chance(0.5);
  const disks = random.chance(0.5) ? world.hosts : [];
  let isOver = false;
  write(world, leader, random.between(1, 20), () => {
    if (isOver) return;
    isOver = true;
    world.scheduler.soon(() => {
      if (isCrash) host.kill(forMs, random.chance(0.5));
      else isolate(world, host, forMs);
      for (const { log } of disks) log.slowDown(20, forMs);
    });
  });
  for (const other of world.hosts) {
    if (other === host && !isCrash) continue;
    world.watchpoints.on(
      forMs * 2,
      (moment) =>
        moment.kind === "observed" &&
        moment.process.key === other.key &&
        moment.observation.kind === "leader" &&
        moment.observation.leader !== undefined &&
        moment.process !== leader,
      (process) => {
        for (const delayMs of [0, 1, 3]) world.scheduler.after(delayMs, () => read(world, process));
      },
    );
  }
  // Whoever is elected counts each vote once.
  world.network.doubled = random.chance(0.5) ? "vote-reply" : undefined;
}

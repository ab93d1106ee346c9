import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { otherVoters, write } from "./actions.ts";

/** The disk fills up under load: what waits to be written must be written later, every byte of it. */
export function fullDisk(world: World, random: Prng): void {
  const leader = world.leader();
  const host = leader === undefined ? undefined : world.hosts[leader.host.number];
  if (leader === undefined || host === undefined) return;
  const victim = random.pick([host, ...otherVoters(world, leader)]);
  victim.log.fillUp(random.pick([5, 50, 500]) * (0.5 + random.float()));
  for (const delayMs of [0, 1, 5, 20]) world.scheduler.after(delayMs, () => write(world, leader, 3));
}

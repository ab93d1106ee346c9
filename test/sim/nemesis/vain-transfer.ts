import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { electionMs, isolate, otherVoters, transfer, write } from "./actions.ts";

/** The leader hands over to one that cannot be reached, or whose campaign nobody hears: it must go on itself. */
export function vainTransfer(world: World, random: Prng): void {
  const leader = world.leader();
  const others = leader === undefined ? [] : otherVoters(world, leader);
  if (leader === undefined || others.length === 0) return;
  const target = random.pick(others);
  const forMs = electionMs(world) * (1 + random.float() * 2);
  // In a cluster of two the leader would rightly step down: nobody is left.
  if (random.chance(0.5)) isolate(world, target, forMs);
  else {
    world.watchpoints.on(
      electionMs(world),
      (moment) =>
        moment.kind === "observed" &&
        moment.process.key === target.key &&
        moment.observation.kind === "role" &&
        moment.observation.role === "candidate",
      () => {
        isolate(world, target, electionMs(world) * random.float());
      },
    );
  }
  transfer(world, leader, target);
  for (const share of [0.3, 0.6, 0.8, 0.95]) {
    world.scheduler.after(forMs * share, () => {
      if (leader.ledTerm !== undefined) write(world, leader, 1);
    });
  }
}

import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { compact, electionMs, isolate, otherVoters } from "./actions.ts";

/** A follower that needs a snapshot, and whose transfers break again and again while its connection stays. */
export function starvedTransfer(world: World, random: Prng): void {
  const leader = world.leader();
  const others = leader === undefined ? [] : otherVoters(world, leader);
  if (leader === undefined || others.length < 2) return;
  const follower = random.pick(others);
  const heal = isolate(world, follower, electionMs(world) * 3);
  const forMs = electionMs(world) * (0.5 + random.float() * 2);
  compact(world, leader, { rounds: 3, writes: random.between(5, 20) }, () => {
    heal();
    const until = world.scheduler.now + forMs;
    const starve = (): void => {
      if (world.network.isCalm || world.scheduler.now > until) return;
      world.network.cutTransfers();
      world.scheduler.after(0.5, starve);
    };
    starve();
  });
}

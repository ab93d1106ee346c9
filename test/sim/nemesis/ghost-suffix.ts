import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { electionMs, isolate, otherVoters, when, write } from "./actions.ts";

/**
 * A follower is writing entries that nobody will ever have: their leader dies before its own disk has them, and the next
 * one overwrites them while that write is still on its way.
 */
export function ghostSuffix(world: World, random: Prng): void {
  const leader = world.leader();
  const host = leader === undefined ? undefined : world.hosts[leader.host.number];
  const others = leader === undefined ? [] : otherVoters(world, leader);
  if (leader === undefined || host === undefined || others.length < 2) return;
  const follower = random.pick(others);
  const slowMs = electionMs(world) * (2 + random.float() * 3);
  const { lastIndex } = follower.log.image;
  const pair = [host.number, follower.number];
  const heal = world.network.links.cut((from, to) => pair.includes(from) !== pair.includes(to), slowMs, false);
  host.log.slowDown(slowMs, slowMs);
  follower.log.slowDown(slowMs, electionMs(world) * 0.5);
  write(world, leader, random.between(1, 30));
  when(
    world,
    world.options.timing.heartbeatTimeoutMs / 2,
    () => (follower.process?.status()?.lastIndex ?? 0) > lastIndex,
    () => {
      host.kill(random.pick([0, 1, 20]), false);
      host.log.slowDown(0, 0);
      isolate(world, follower, electionMs(world) * (0.5 + random.float()));
      heal();
    },
  );
}

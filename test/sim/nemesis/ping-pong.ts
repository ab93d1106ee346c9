import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { electionMs, otherVoters, transfer, when } from "./actions.ts";

/** Leadership goes to another node and back so fast that what looks now and then sees no change. */
export function pingPong(world: World, random: Prng): void {
  const leader = world.leader();
  const others = leader === undefined ? [] : otherVoters(world, leader);
  const home = leader === undefined ? undefined : world.hosts[leader.host.number];
  if (leader === undefined || home === undefined || others.length === 0) return;
  const away = random.pick(others);
  const stayMs = random.pick([1, 20, 80, 150]);
  let left = random.between(2, 12);
  const patience = electionMs(world);
  const play = (): void => {
    left -= 1;
    if (left < 0 || home.process?.ledTerm === undefined) return;
    transfer(world, home.process, away);
    const leads =
      (host: typeof home): (() => boolean) =>
      () =>
        host.process?.ledTerm !== undefined;
    when(world, patience, leads(away), () => {
      world.scheduler.after(stayMs, () => {
        if (away.process !== undefined) transfer(world, away.process, home);
        when(world, patience, leads(home), () => world.scheduler.after(random.float() * 600, play));
      });
    });
  };
  play();
}

import type { Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { electionMs, isolate, otherVoters, when } from "./actions.ts";

/** A voter is removed while it hears nothing: it comes back with a timer that ran out and must not disturb anybody. */
export function unheardRemoval(world: World, random: Prng): void {
  const leader = world.leader();
  const others = leader === undefined ? [] : otherVoters(world, leader);
  if (leader === undefined || others.length < 2 || world.isMissingPair) return;
  const removed = random.pick(others);
  // Somebody must be left that is to be a voter, whatever else takes some away.
  if (removed.wish !== "voter" || world.hosts.filter(({ wish }) => wish === "voter").length <= 2) return;
  const { key } = removed;
  const patience = electionMs(world) * 8;
  const heal = isolate(world, removed, patience);
  removed.wish = "absent";
  const isGone = (): boolean => world.oracle.memberships.current?.members.has(key) === false;
  when(world, patience, isGone, () => world.scheduler.after(electionMs(world) * random.float(), heal));
  world.scheduler.after(patience * 2, () => {
    if (!world.network.isCalm) removed.wish = "voter";
  });
}

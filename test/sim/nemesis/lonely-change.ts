import type { MemberKey, Prng } from "../../../src/base/index.ts";
import type { MembershipChange } from "../../../src/raft/index.ts";
import type { Running } from "../stage.ts";
import type { World } from "../world.ts";
import { change, electionMs, isolate, otherVoters, when } from "./actions.ts";

/**
 * A membership that only its leader knows: cut off just before the change, it dies once the change is on its disk, or
 * goes on alone while the others elect somebody, who is asked for another change at once.
 */
export function lonelyChange(world: World, random: Prng): void {
  const leader = world.leader();
  const host = leader === undefined ? undefined : world.hosts[leader.host.number];
  if (leader === undefined || host === undefined || otherVoters(world, leader).length === 0) return;
  const known = leader.status()?.membershipIndex ?? 0;
  const forMs = electionMs(world) * (1 + random.float() * 3);
  const heal = isolate(world, host, forMs);
  const first = random.chance(0.3) ? mostVoters(leader, random) : pickChange(leader, random, leader.key);
  if (first.length === 0) return;
  change(world, leader, first);
  const isStored = (): boolean =>
    leader.durable.entries.some(({ index, kind }) => kind === "membership" && index > known);
  if (random.chance(0.5)) {
    when(world, forMs, isStored, () => {
      host.kill(random.pick([0, 5, 200]), false);
      heal();
    });
    return;
  }
  hurry(world, random, { not: leader.key, forMs });
}

/** Changes for the next leader, before it can have committed anything, and one right behind the other. */
function hurry(world: World, random: Prng, { not, forMs }: { readonly not: MemberKey; readonly forMs: number }): void {
  world.watchpoints.on(
    forMs,
    (moment) =>
      moment.kind === "observed" &&
      moment.process.key !== not &&
      moment.observation.kind === "role" &&
      moment.observation.role === "leader",
    (next) => {
      for (const delayMs of [0, 0, 0.5, 2, 10]) {
        const wanted = pickChange(next, random, random.chance(0.5) ? not : next.key);
        if (wanted.length > 0) world.scheduler.after(delayMs, () => change(world, next, wanted));
      }
    },
  );
}

/** Of a few voters each one counts, so the change is about them. */
function pickChange(process: Running, random: Prng, about: MemberKey): readonly MembershipChange[] {
  const membership = process.status()?.membership;
  if (membership === undefined) return [];
  const { voters, learners } = membership;
  const learner = learners[0];
  if (learner !== undefined && random.chance(0.4)) return [{ kind: "promote", key: learner }];
  if (voters.length < 2) return [];
  const key = voters.includes(about) && random.chance(0.6) ? about : random.pick(voters);
  return [{ kind: "demote", key }];
}

/** Through a joint membership: a majority of the voters that are to be left is not one of those that are in force. */
function mostVoters(process: Running, random: Prng): readonly MembershipChange[] {
  const others = (process.status()?.membership.voters ?? []).filter((key) => key !== process.key);
  const count = Math.max(2, random.between(Math.floor(others.length / 2), others.length + 1));
  return others.slice(0, count).map((key) => ({ kind: "demote", key }));
}

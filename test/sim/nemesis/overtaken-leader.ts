import type { Prng } from "../../../src/base/index.ts";
import type { Host } from "../host.ts";
import type { Process } from "../process.ts";
import type { World } from "../world.ts";
import { compact, electionMs, isolate, otherVoters, read, transfer, when, write } from "./actions.ts";

/**
 * Two leaders at once. The old one hands over and is cut off the moment its successor campaigns, so that it leads on for
 * its lease, with reads that must not be answered; or it is cut off with writes that nobody gets. Then it comes back to
 * a log that may be compacted beyond what it knows, and shorter than its own.
 */
export function overtakenLeader(world: World, random: Prng): void {
  const leader = world.leader();
  const others = leader === undefined ? [] : otherVoters(world, leader);
  const old = leader === undefined ? undefined : world.hosts[leader.host.number];
  if (leader === undefined || old === undefined || others.length < 2) return;
  const patience = electionMs(world) * 2;
  if (random.chance(0.5)) {
    const target = random.pick(others);
    let heal: () => void = () => undefined;
    world.watchpoints.on(
      patience,
      (moment) =>
        moment.kind === "observed" &&
        moment.process.key === target.key &&
        moment.observation.kind === "role" &&
        moment.observation.role === "candidate",
      () => {
        heal = isolate(world, old, patience * 2);
      },
    );
    onSuccessor(world, leader, [target], (next) => goOn(world, random, { leader, next, heal: () => heal() }));
    transfer(world, leader, target);
    return;
  }
  const heal = isolate(world, old, patience * 2);
  write(world, leader, random.between(5, 40));
  onSuccessor(world, leader, others, (next) => goOn(world, random, { leader, next, heal }));
}

function onSuccessor(world: World, leader: Process, others: readonly Host[], then: (next: Process) => void): void {
  const find = (): Process | undefined => others.find(({ process }) => process?.ledTerm !== undefined)?.process;
  when(
    world,
    electionMs(world) * 2,
    () => find() !== undefined,
    () => {
      const next = find();
      if (next !== undefined && next !== leader) then(next);
    },
  );
}

function goOn(
  world: World,
  random: Prng,
  use: { readonly leader: Process; readonly next: Process; readonly heal: () => void },
): void {
  const { leader, next, heal } = use;
  const rounds = random.pick([0, 2, 2, 3]);
  const writes = random.pick([1, 2, 5, 20]);
  const restMs = random.pick([0, 0, random.float() * world.options.timing.heartbeatTimeoutMs]);
  write(world, next, 1);
  const isBehind = (): boolean => world.ackedIndex > leader.applied;
  when(world, electionMs(world), isBehind, () => {
    for (const delayMs of [0, 5, 40, 100]) world.scheduler.after(delayMs, () => read(world, leader));
    compact(world, next, { rounds, writes }, () => {
      world.scheduler.after(restMs, () => {
        heal();
        // A new connection: a transfer that was begun in vain is given up at once, and the next one begins.
        leader.transport.reset();
        for (const delayMs of [0, 10, 50, 150]) world.scheduler.after(delayMs, () => write(world, next, 10));
      });
    });
  });
}

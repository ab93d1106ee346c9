import type { Prng } from "../../../src/base/index.ts";
import { NEW_VERSION, OLD_VERSION, type Host } from "../host.ts";
import { isVersionRefused, RAISE } from "../workload/operator.ts";
import type { World } from "../world.ts";
import { when } from "./actions.ts";

const GAP_MS_MAX = 1500;
/** For records to be put right, and for a leader to hear of another release. */
const PATIENCE_MS = 5000;

/**
 * One machine after the other gets the new release. Now and then somebody raises the cluster version while not all have
 * it, or one machine goes back to the old release first. A machine that is no member comes last.
 */
export function rollingUpgrade(world: World, random: Prng): void {
  const late = world.hosts.find(({ wish }) => wish === "absent");
  const from = random.between(0, world.hosts.length);
  const inTurn = [...world.hosts.slice(from), ...world.hosts.slice(0, from)].filter((host) => host !== late);
  installAll(world, random, inTurn, () => {
    goBack(world, random, random.pick(inTurn), () => {
      world.isUpgraded = true;
      const isRaised = (): boolean => world.oracle.memberships.current?.clusterVersion === NEW_VERSION;
      if (late !== undefined) when(world, PATIENCE_MS, isRaised, () => letIn(world, random, late));
    });
  });
}

/** It wants in with the old release, which nobody may allow any more, and gets the new one later. */
function letIn(world: World, random: Prng, host: Host): void {
  if (host.wish === "absent") host.wish = "learner";
  later(world, random.float() * PATIENCE_MS, () => host.install(NEW_VERSION, 1));
}

/** The operator goes through with it once nothing goes wrong any more. */
export function finishUpgrade(world: World): void {
  const old = world.hosts.filter(({ commandVersion }) => commandVersion === OLD_VERSION);
  if (old.length === world.hosts.length) return;
  for (const host of old) host.install(NEW_VERSION, 0);
  world.isUpgraded = true;
}

function installAll(world: World, random: Prng, [host, ...rest]: readonly Host[], done: () => void): void {
  if (host === undefined) return done();
  later(world, random.float() * GAP_MS_MAX, () => {
    host.install(NEW_VERSION, random.pick([1, 50, 500]));
    if (random.chance(0.3)) raiseTooEarly(world);
    installAll(world, random, rest, done);
  });
}

/** All records say that everybody has the new release, and then one has not: who runs now is what counts. */
function goBack(world: World, random: Prng, host: Host, done: () => void): void {
  if (random.chance(0.3)) return done();
  const areRecordsNew = (): boolean => {
    const members = world.oracle.memberships.current?.members.values() ?? [];
    return [...members].every(({ commandVersion }) => commandVersion === NEW_VERSION);
  };
  when(world, PATIENCE_MS, areRecordsNew, () => {
    host.install(OLD_VERSION, random.pick([1, 50]));
    when(
      world,
      PATIENCE_MS,
      () => isOldKnown(world),
      () => raiseTooEarly(world),
    );
  });
  later(world, 2 * PATIENCE_MS, () => {
    host.install(NEW_VERSION, 1);
    done();
  });
}

/** The leader knows of a member that does not understand the new version, or is not there: it must refuse. */
function raiseTooEarly(world: World): void {
  const leader = world.leader();
  if (leader === undefined || !isOldKnown(world)) return;
  leader.enter(() => {
    leader.node?.change({ changes: [RAISE] }, leader.host.clock.now() + 1000, (outcome) => {
      if (isVersionRefused(outcome)) world.marks.hit("raise refused as too early");
    });
  });
}

/** A leader that takes a machine for what it was before it went back could not know better. */
function isOldKnown(world: World): boolean {
  const leader = world.leader();
  const status = leader?.status();
  if (leader === undefined || status === undefined) return false;
  const believed = (host: Host): number => {
    if (host.key === leader.key) return leader.commandVersion;
    const peer = status.peers.find(({ key }) => key === host.key);
    return peer?.isConnected === true ? peer.commandVersion : 0;
  };
  const old = world.hosts.filter(
    ({ key, commandVersion }) => commandVersion === OLD_VERSION && status.membership.members.has(key),
  );
  return old.length > 0 && old.every((host) => believed(host) < NEW_VERSION);
}

function later(world: World, ms: number, then: () => void): void {
  world.scheduler.after(ms, () => {
    if (!world.network.isCalm) then();
  });
}

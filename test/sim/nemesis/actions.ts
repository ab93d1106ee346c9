import type { MembershipChange } from "../../../src/raft/index.ts";
import type { Host } from "../host.ts";
import type { Process } from "../process.ts";
import type { Running } from "../stage.ts";
import type { World } from "../world.ts";

/** What a nemesis waits for is looked at this often. */
const LOOK_EVERY_MS = 1;

/** About the time of one election, with some to spare. */
export function electionMs({ options: { timing } }: World): number {
  return timing.heartbeatTimeoutMs + timing.electionTimeoutMs;
}

/** Runs `then` as soon as it is so; never, when that takes too long or the faults are over. */
export function when(world: World, withinMs: number, isSo: () => boolean, then: () => void): void {
  const until = world.scheduler.now + withinMs;
  const look = (): void => {
    if (world.network.isCalm || world.scheduler.now > until) return;
    if (isSo()) then();
    else world.scheduler.after(LOOK_EVERY_MS, look);
  };
  look();
}

/** Cuts a machine off; ends by itself, or when the result is called. */
export function isolate(world: World, host: Host, forMs: number): () => void {
  const { number } = host;
  return world.network.links.cut((from, to) => from === number || to === number, forMs, false);
}

/** Cuts one link in both directions. */
export function sever(world: World, a: Host, b: Host, forMs: number): () => void {
  return world.network.links.cut(
    (from, to) => (from === a.number && to === b.number) || (from === b.number && to === a.number),
    forMs,
    false,
  );
}

/** Other voters of the leader's membership whose process runs. */
export function otherVoters(world: World, leader: Process): readonly Host[] {
  const voters = leader.status()?.membership.voters ?? [];
  return world.hosts.filter(
    ({ key, process }) => key !== leader.key && voters.includes(key) && process !== undefined && !process.isPaused,
  );
}

/** Writes that nobody else waits for; `onApplied` for each that is acknowledged. */
export function write(world: World, process: Running, count: number, onApplied: () => void = () => undefined): void {
  if (world.network.isCalm) return;
  process.enter(() => {
    const deadline = process.host.clock.now() + 30_000;
    for (let left = count; left > 0; left -= 1) {
      const value = world.nextValue();
      const command = process.machine.encode({ kind: "put", key: 200 + (value % 8), value });
      process.node?.propose(command, deadline, (outcome) => {
        if (outcome.kind === "refused") {
          world.onRefused(value);
          world.transferEnds.onRefusal(process, outcome.refusal.kind);
        }
        if (outcome.kind !== "applied") return;
        world.onAcknowledged({ index: outcome.index, term: outcome.term, command, by: process.key });
        onApplied();
      });
    }
  });
}

/** A linearizable read, judged when it is answered. */
export function read(world: World, process: Running): void {
  const floor = world.ackedIndex;
  process.enter(() => {
    process.node?.readPoint(process.host.clock.now() + 30_000, (outcome) => {
      if (outcome.kind !== "ready") return;
      const { appliedIndex } = process.machine;
      if (appliedIndex < floor) {
        world.fail(
          "reads are linearizable",
          `${process.key} reads at ${appliedIndex}, acknowledged before the read was ${floor}`,
        );
      }
      world.onRead(appliedIndex);
    });
  });
}

export function snapshot(process: Running): void {
  process.enter(() => process.node?.takeSnapshot(() => undefined));
}

/** Asks for a change of members, as an operator would. */
export function change(world: World, process: Running, changes: readonly MembershipChange[]): void {
  if (world.isMissingPair || world.network.isCalm) return;
  world.changedAt = world.scheduler.now;
  process.enter(() => {
    process.node?.change({ changes }, process.host.clock.now() + 1000, () => undefined);
  });
}

export function transfer(world: World, leader: Running, to: Host): void {
  if (world.network.isCalm) return;
  leader.enter(() => {
    const deadline = leader.host.clock.now() + world.options.timing.electionTimeoutMs * 4;
    leader.node?.transfer(to.key, deadline, () => undefined);
  });
}

/** Writes and snapshots in turns until the log behind the last but one is gone; then `done`. */
export function compact(
  world: World,
  process: Running,
  use: { readonly rounds: number; readonly writes: number },
  done: () => void,
): void {
  if (use.rounds === 0) return done();
  const from = process.applied;
  write(world, process, use.writes);
  const isReached = (): boolean => process.applied >= from + Math.ceil(use.writes / 2);
  when(world, electionMs(world), isReached, () => {
    snapshot(process);
    compact(world, process, { ...use, rounds: use.rounds - 1 }, done);
  });
}

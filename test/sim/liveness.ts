import { NEW_VERSION } from "./host.ts";
import { finishUpgrade } from "./nemesis/rolling-upgrade.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** Elections that the cluster may take to serve again once nothing goes wrong any more. */
const ELECTIONS_TO_SERVE = 20;
/** About as much as an entry of the workload takes in a message. */
const ENTRY_BYTES = 64;
/** Then all members have to agree within this time, with changes, snapshots and promotions on the way. */
const SETTLE_MS = 60_000;
/** A session that was made at the very end has its TTL, and nearly as much again. */
const SETTLE_AGAIN_MS = 25_000;
const LOOK_EVERY_MS = 20;
/** Changes of the leader, in a row, after which it is no accident: a slow write, a late message, a process that was stopping. */
const DISTURBANCES_MAX = 4;

/** Ends all faults; every machine comes back, the ones with lost disks empty. */
export function healAll(world: World): void {
  const { trace, scheduler, network } = world;
  trace.line(scheduler.now, () => "faults end");
  network.isCalm = true;
  for (const end of network.clones.values()) end();
  for (const phantom of world.phantoms) phantom.kill();
  network.links.heal();
  world.watchpoints.clear();
  network.damage = undefined;
  network.doubled = undefined;
  finishUpgrade(world);
  for (const host of world.hosts) {
    host.traps.clear();
    host.log.heal();
    // A folder that was put back is not the operator's to find: the other members must.
    // Rot that nobody met yet is what the operator waits for before taking away voters.
    if ((host.isLost || host.isMarred) && !host.isRolledBack) host.wipe(0);
    host.process?.resume();
    scheduler.after(world.random.float() * 100, () => host.start());
  }
}

/** From here on the cluster must serve within a bounded time, and then agree on everything. */
export function checkLiveness(world: World): void {
  const { options } = world;
  const { heartbeatTimeoutMs, electionTimeoutMs } = options.timing;
  const ackedBefore = world.ackedCount;
  const electionsMs = ELECTIONS_TO_SERVE * (heartbeatTimeoutMs + electionTimeoutMs) + 2 * options.lateTickMsMax;
  const bound = electionsMs + backlogMs(world) + 5000;
  probe(world);
  const servesIn = waitUntil(world, bound, () => world.ackedCount > ackedBefore);
  if (servesIn === undefined) {
    world.fail("serves again", `no write is acknowledged within ${bound} ms after the last fault: ${standing(world)}`);
  }
  for (const client of world.clients) client.stop();
  const settled = waitUntil(world, SETTLE_MS, () => disagreement(world) === undefined);
  if (settled === undefined) {
    world.fail("agrees in the end", `${disagreement(world) ?? "agrees"} ${SETTLE_MS} ms later: ${standing(world)}`);
  }
  checkUndisturbed(world);
  if (waitUntil(world, SETTLE_AGAIN_MS, () => disagreement(world) === undefined) === undefined) {
    const later = disagreement(world) ?? "agrees";
    world.fail("agrees in the end", `${later} after it had settled: ${standing(world)}`);
  }
}

/** What leaders appended and could not commit is committed first: message by message, each with its sync. */
function backlogMs({ hosts, options, oracle }: World): number {
  const { syncMsMin, syncMsMax, slowSyncChance, slowSyncMs, readMs } = options.disk;
  const lastIndex = Math.max(...hosts.map(({ log }) => log.image.lastIndex));
  const entriesPerMessage = Math.max(1, Math.floor(options.raftLimits.messageBytesMax / ENTRY_BYTES));
  const messageMs = (syncMsMin + syncMsMax) / 2 + slowSyncChance * slowSyncMs + readMs + options.network.latencyMsMax;
  return ((lastIndex - oracle.committed.lastIndex) / entriesPerMessage) * messageMs;
}

/** While nothing happens, nobody takes over from a leader; what is left of the faults may do so, but not again and again. */
function checkUndisturbed(world: World): void {
  const terms: (number | undefined)[] = [];
  for (let tries = 0; tries < DISTURBANCES_MAX; tries += 1) {
    const led = new Set([world.leader()?.ledTerm]);
    waitUntil(world, 5 * world.options.timing.electionTimeoutMs, () => {
      led.add(world.leader()?.ledTerm);
      return false;
    });
    if (led.size === 1) return;
    terms.push(...led);
  }
  world.fail("leads undisturbed", `terms ${terms.join(", ")} while nothing happens: ${standing(world)}`);
}

/** Simulated ms until it is so; undefined: not in time. */
function waitUntil(world: World, withinMs: number, isSo: () => boolean): number | undefined {
  const { scheduler } = world;
  const from = scheduler.now;
  while (scheduler.now < from + withinMs) {
    if (isSo()) return scheduler.now - from;
    scheduler.run(scheduler.now + LOOK_EVERY_MS, () => false);
  }
  return isSo() ? withinMs : undefined;
}

/** Writes of our own, so that a run whose clients all wait still has something to acknowledge. */
function probe(world: World): void {
  const { scheduler } = world;
  const leader = world.leader();
  if (leader !== undefined) {
    leader.enter(() => {
      const value = world.nextValue();
      const write = { kind: "put", key: 199, value } as const;
      const command = leader.machine.encode(write);
      leader.node?.propose(command, leader.host.clock.now() + 2000, (outcome) => {
        if (outcome.kind === "refused") world.onRefused(value);
        if (outcome.kind !== "applied") return;
        world.onAcknowledged({ index: outcome.index, term: outcome.term, command, by: leader.key });
      });
    });
  }
  scheduler.after(100, () => {
    if (world.clients.some((client) => !client.isStopped)) probe(world);
  });
}

/** Why the cluster is not yet as it should be; undefined: it is. */
function disagreement(world: World): string | undefined {
  const leaders = world.hosts.filter(({ process }) => process?.ledTerm !== undefined);
  const leader = world.leader();
  if (leaders.length !== 1 || leader === undefined) return `there are ${leaders.length} leaders`;
  const status = leader.status();
  if (status === undefined) return "the leader has no status";
  if (status.commit !== status.lastIndex) return `the leader has committed ${status.commit} of ${status.lastIndex}`;
  const { membership } = status;
  if (!membership.voters.includes(leader.key)) return `${leader.key} leads and is no voter`;
  if (membership.outgoing.length > 0) return "the membership is joint";
  if (world.isUpgraded && membership.clusterVersion < NEW_VERSION) return "the cluster version is not raised";
  const sessionCount = leader.full?.fsm.sessions.count ?? 0;
  if (sessionCount > 0) return `${sessionCount} sessions have not ended that nobody renews`;
  for (const host of world.hosts) {
    const isVoter = membership.voters.includes(host.key);
    const isMember = membership.members.has(host.key);
    if (host.isRolledBack) return `${host.key} runs on an older copy of its folder, and nobody tells it`;
    if (host.wish === "voter" && !isVoter) return `${host.key} is not a voter yet`;
    if (host.wish === "learner" && (!isMember || isVoter)) return `${host.key} is not a learner yet`;
    if (host.wish === "absent" && isMember) return `${host.key} is still a member`;
    const problem = host.wish === "absent" ? undefined : lag(host.process, leader, status.commit);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function lag(process: Process | undefined, leader: Process, commit: number): string | undefined {
  if (process === undefined) return "a member does not run";
  if (process.machine.appliedIndex !== commit) {
    return `${process.key} has applied ${process.machine.appliedIndex} of ${commit}`;
  }
  if (process.machine.stateHash() !== leader.machine.stateHash()) return `${process.key} has another state`;
  return undefined;
}

function standing(world: World): string {
  return world.hosts
    .map(({ key, wish, process }) => {
      const status = process?.status();
      if (status === undefined) return `${key} (${wish}) is down`;
      const { role, term, commit, applied, lastIndex, firstIndex } = status;
      const voters = status.membership.voters.join("+");
      return `${key} (${wish}) ${role} in term ${term}, applied ${applied}, commit ${commit}, log ${firstIndex}..${lastIndex}, voters ${voters}`;
    })
    .join("; ");
}

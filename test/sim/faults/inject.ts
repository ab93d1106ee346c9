import { createPrng, unreachable } from "../../../src/base/index.ts";
import type { MembershipChange } from "../../../src/raft/index.ts";
import type { Host } from "../host.ts";
import type { Process } from "../process.ts";
import { when } from "../nemesis/actions.ts";
import { strike } from "../nemesis/strike.ts";
import type { World } from "../world.ts";
import { forget, rollBackBehindLeader } from "./amnesia.ts";
import { canLose } from "./budget.ts";
import type { Fault, FaultBody, Target } from "./fault.ts";
import { partition } from "./partition.ts";

type Body<Kind extends FaultBody["kind"]> = Extract<FaultBody, { kind: Kind }>;

const RENEWAL_JUMP_MS = 400;
const RENEWAL_WAIT_MS = 3000;

/** Makes the faults of a list happen, each at its time. */
export function scheduleFaults(world: World, faults: readonly Fault[]): void {
  for (const { at, body } of faults) {
    world.scheduler.at(at, () => {
      world.trace.mixText(body.kind);
      world.trace.line(world.scheduler.now, () => `fault ${JSON.stringify(body)}`);
      inject(world, body);
    });
  }
}

function hostOf(world: World, target: Target): Host | undefined {
  const number = target.kind === "leader" ? world.leader()?.host.number : target.number;
  return number === undefined ? undefined : world.hosts[number];
}

function inject(world: World, body: FaultBody): void {
  if (body.kind === "crash-all") return crashAll(world, body);
  if (body.kind === "cut-transfers") return world.network.cutTransfers();
  if (body.kind === "raw-change") return rawChange(world, body.salt);
  if (body.kind === "amnesia") return forget(world, body);
  if (body.kind === "nemesis") return strike(world, body.name, body.salt);
  const host = hostOf(world, body.target);
  if (host !== undefined) injectAt(world, host, body);
}

function injectAt(
  world: World,
  host: Host,
  body: Exclude<FaultBody, { kind: "crash-all" | "cut-transfers" | "raw-change" | "amnesia" | "nemesis" }>,
): void {
  switch (body.kind) {
    case "crash":
      return host.kill(body.downMs, body.isPowerCut);
    case "crash-at-send":
      return host.traps.setSend(body);
    case "crash-at-sync":
      return host.traps.setSync(body);
    case "crash-at-snapshot":
      return host.traps.setSnapshot(body);
    case "stop":
      return stop(host, body);
    case "pause":
      if (body.forMs > world.options.timing.electionTimeoutMs) world.marks.hit("pause longer than an election");
      if (host.process !== undefined && isReadingFrom(world, host.process)) world.marks.hit("read pending at a pause");
      return host.process?.pause(body.forMs);
    case "clock-jump":
      return jumpClock(world, host, body.byMs);
    case "partition":
      return partition(world, host.number, body);
    case "reset":
      for (const other of body.isAll ? world.hosts : [host]) other.process?.transport.reset();
      return undefined;
    case "slow-link":
      return world.network.links.slowDown(host.number, body.extraMs, body.forMs);
    case "slow-disk":
      return host.log.slowDown(body.extraMs, body.forMs);
    case "disk-full":
      if (world.leader()?.host === host) world.marks.hit("disk full on leader");
      return host.log.fillUp(body.forMs);
    case "sync-failure":
      return failSync(world, host, body);
    case "wipe":
      if (canLose(world, host)) host.wipe(body.downMs);
      return undefined;
    case "damage-snapshot":
      // Not before it was restored from: nobody but the leader has another one then.
      if (
        host.log.image.rotten.size === 0 &&
        (host.snapshots.list().at(-1)?.index ?? 0) <= (host.process?.applied ?? -1)
      ) {
        host.snapshots.damageNewest(host.log.image.base.index);
      }
      return undefined;
    case "bit-rot":
      return rot(world, host, body);
    case "outrun":
      return outrun(world, host, body);
    case "rollback":
      return rollBackBehindLeader(world, host, body);
    case "transfer":
      return transfer(world, host, body.isCut);
    case "strand":
      return strand(world, host, body);
    case "snapshot":
      return host.process?.enter(() => host.process?.node?.takeSnapshot(() => undefined));
    case "remove":
    case "demote":
      return changeWish(world, host, body);
    case "burst":
      return burst(host, world, body.count);
    default:
      return unreachable(body);
  }
}

/** Where sessions are renewed, a jump that is longer than a tick waits for the moment at which one is on its way. */
function jumpClock(world: World, host: Host, byMs: number): void {
  const jump = (): void => {
    world.marks.hit("clock jumped");
    if (world.ledger.isRenewing) world.marks.hit("clock jump while a renewal is on its way");
    world.ledger.onClockJump();
    host.clock.jump(byMs);
  };
  if (world.options.machine !== "full" || byMs < RENEWAL_JUMP_MS) return jump();
  when(world, RENEWAL_WAIT_MS, () => world.ledger.isRenewing, jump);
}

function isReadingFrom(world: World, process: Process): boolean {
  return world.clients.some((client) => client.isReadingFrom(process));
}

function crashAll(world: World, body: Body<"crash-all">): void {
  if (body.isPowerCut) world.marks.hit("all nodes lose power");
  for (const host of world.hosts) host.kill(body.downMs[host.number] ?? 0, body.isPowerCut);
}

function stop(host: Host, body: Body<"stop">): void {
  const { process } = host;
  process?.enter(() => {
    process.node?.stop(host.clock.now() + 2000, () => host.onStopped(process, body.downMs));
  });
}

/** One kind of damage at a time on each disk; what no snapshot makes up for only while the others can do without it. */
function rot(world: World, host: Host, { place, at }: Body<"bit-rot">): void {
  const { image } = host.log;
  if (host.isLost || host.snapshots.hasDamaged || image.rotten.size > 0) return;
  if (place === "snapshots") {
    if (canLose(world, host)) host.snapshots.damageAll();
    return;
  }
  const index = image.base.index + 1 + Math.floor(at * image.entries.length);
  if (index > image.lastIndex || (index > host.snapshots.newestWhole && !canLose(world, host))) return;
  image.rot(index);
}

function failSync(world: World, host: Host, body: Body<"sync-failure">): void {
  if (!canLose(world, host) || host.process === undefined) return;
  host.isLost = true;
  host.log.failNextSync();
  const { key } = host;
  world.scheduler.after(body.downMs + 200, () => {
    if (host.key === key) host.wipe(body.downMs);
  });
}

function transfer(world: World, to: Host, isCut: boolean): void {
  if (isCut)
    to.traps.setSend({ kind: "crash-at-send", target: { kind: "leader" }, message: "vote", isSent: false, downMs: 1 });
  const leader = world.leader();
  leader?.enter(() => {
    const deadline = leader.host.clock.now() + world.options.timing.electionTimeoutMs * 4;
    leader.node?.transfer(leader.host === to ? undefined : to.key, deadline, (outcome) => {
      if (outcome.kind === "ok") world.marks.hit("transfer done");
    });
  });
}

/** Takes a machine out of the voters for a while; what was removed comes back empty, under a new incarnation. */
function changeWish(world: World, host: Host, body: Body<"remove"> | Body<"demote">): void {
  const voters = world.hosts.filter(({ wish }) => wish === "voter");
  if (host.wish !== "voter" || voters.length <= 1) return;
  host.wish = body.kind === "remove" ? "absent" : "learner";
  world.scheduler.after(body.forMs, () => {
    if (!world.network.isCalm) host.wish = "voter";
  });
}

/** What an operator asks for without thinking. */
function rawChange(world: World, salt: number): void {
  const random = createPrng(salt);
  const leader = world.leader();
  const membership = leader?.status()?.membership;
  if (leader === undefined || membership === undefined) return;
  const keys = [...membership.members.keys()];
  if (keys.length === 0 || world.isMissingPair) return;
  world.changedAt = world.scheduler.now;
  const changes: MembershipChange[] = [];
  for (let count = random.between(1, 4); count > 0; count -= 1) {
    changes.push({ kind: random.pick(["promote", "demote"] as const), key: random.pick(keys) });
  }
  // All at once is a joint change; one right after the other, each must wait for the one before.
  const requests = random.chance(0.5) ? [changes] : changes.map((change) => [change]);
  leader.enter(() => {
    for (const request of requests) {
      leader.node?.change({ changes: request }, leader.host.clock.now() + 1000, () => undefined);
    }
  });
}

/** Leaves a log that is longer and older than the others' when elections begin. */
function strand(world: World, host: Host, body: Body<"strand">): void {
  const cut = {
    kind: "partition",
    shape: "isolate",
    target: body.target,
    salt: 1,
    forMs: body.forMs,
    isHeld: false,
  } as const;
  partition(world, host.number, cut);
  burst(host, world, body.count);
  world.scheduler.after(body.forMs, () => {
    const next = world.leader()?.host.number;
    if (next !== undefined && next !== host.number) world.hosts[next]?.kill(body.downMs, false);
  });
}

/** A leader that is cut off writes on, and the others, with fewer writes, compact past where they parted. */
function outrun(world: World, host: Host, { target, count, forMs }: Body<"outrun">): void {
  const cut = { kind: "partition", shape: "isolate", target, salt: 1, forMs, isHeld: false } as const;
  partition(world, host.number, cut);
  burst(host, world, count);
  const until = world.scheduler.now + forMs;
  const compact = (): void => {
    if (world.scheduler.now > until || world.network.isCalm) return;
    const next = world.hosts.find((other) => other !== host && other.process?.ledTerm !== undefined)?.process;
    next?.enter(() => next.node?.takeSnapshot(() => undefined));
    world.scheduler.after(100, compact);
  };
  compact();
}

/** Writes that nobody waits for. */
function burst(host: Host, world: World, count: number): void {
  const { process } = host;
  process?.enter(() => {
    for (let left = count; left > 0; left -= 1) {
      const value = world.nextValue();
      const key = 200 + (value % 8);
      const command = process.machine.encode({ kind: "put", key, value });
      process.node?.propose(command, host.clock.now() + world.options.workload.deadlineMs, (outcome) => {
        if (outcome.kind === "refused") world.onRefused(value);
        if (outcome.kind !== "applied") return;
        world.onAcknowledged({ index: outcome.index, term: outcome.term, command, by: process.key });
      });
    }
  });
}

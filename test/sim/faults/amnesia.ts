import { createPrng, unreachable, type MemberKey, type Prng } from "../../../src/base/index.ts";
import { decodeCheck, type Membership } from "../../../src/raft/index.ts";
import type { FolderCopy, Host } from "../host.ts";
import { startClone, startFormer } from "../phantom.ts";
import type { World } from "../world.ts";
import { canLose, possibleMemberships } from "./budget.ts";
import { cellOf } from "./amnesia-matrix.ts";
import type { FaultBody } from "./fault.ts";
import { partition } from "./partition.ts";

export type AmnesiaFault = Extract<FaultBody, { kind: "amnesia" }>;

/** How long to wait for machine and scene to be as wanted. */
const WAIT_MS = 4000;
const LOOK_EVERY_MS = 1;

/** Copies are taken now; a while later the scene is set, and as soon as some machine fits, it forgets. */
export function forget(world: World, fault: AmnesiaFault): void {
  const random = createPrng(fault.salt);
  const copies = new Map(world.hosts.map((host) => [host.number, host.copyFolder()] as const));
  world.scheduler.after(fault.afterMs, () => {
    if (world.network.isCalm) return;
    setScene(world, fault, random);
    for (const host of world.hosts) host.log.isHistoryKept = fault.what === "last transaction" || fault.what === "vote";
    waitForMoment(world, { fault, random, copies, until: world.scheduler.now + WAIT_MS });
  });
}

interface Waiting {
  readonly fault: AmnesiaFault;
  readonly random: Prng;
  readonly copies: ReadonlyMap<number, FolderCopy>;
  readonly until: number;
}

function waitForMoment(world: World, waiting: Waiting): void {
  const { scheduler, network, marks } = world;
  if (network.isCalm || scheduler.now > waiting.until) return endOfWait(world);
  const { fault } = waiting;
  if (isSceneSet(world, fault)) {
    for (const host of inAnyOrder(world.hosts, waiting.random)) {
      if (!hasRole(host, fault.role) || !act(world, host, waiting)) continue;
      marks.add(cellOf(fault), 1);
      return endOfWait(world);
    }
  }
  scheduler.after(LOOK_EVERY_MS, () => waitForMoment(world, waiting));
}

function endOfWait(world: World): void {
  for (const host of world.hosts) host.log.isHistoryKept = false;
}

function inAnyOrder(hosts: readonly Host[], random: Prng): readonly Host[] {
  const from = random.between(0, hosts.length);
  return [...hosts.slice(from), ...hosts.slice(0, from)];
}

function hasRole(host: Host, wanted: AmnesiaFault["role"]): boolean {
  const status = host.process?.status();
  if (status === undefined || host.process?.isPaused === true || !status.membership.voters.includes(host.key)) {
    return false;
  }
  const { role } = status;
  return wanted === "candidate" ? role === "candidate" || role === "pre-candidate" : role === wanted;
}

function setScene(world: World, { scene, role, downMs, forMs, salt }: AmnesiaFault, random: Prng): void {
  const leader = world.leader();
  if (scene === "partition") {
    const shape = random.pick(["isolate", "halves", "bridge", "one-link"] as const);
    const target = { kind: "leader" } as const;
    partition(world, leader?.host.number ?? 0, { kind: "partition", shape, target, salt, forMs, isHeld: false });
  }
  if (scene === "joint") askForJoint(world, random);
  // Without a leader there are candidates.
  if (scene === "leader down" || role === "candidate") leader?.host.kill(downMs, random.chance(0.3));
}

/** Two voters change at once; the operator wants them back as they were. */
function askForJoint(world: World, random: Prng): void {
  const leader = world.leader();
  const membership = leader?.status()?.membership;
  if (leader === undefined || membership === undefined || world.isMissingPair) return;
  const others = membership.voters.filter((key) => key !== leader.key);
  const [learner] = membership.learners;
  const demoted = inAnyOrderOf(others, random).slice(0, learner === undefined ? 2 : 1);
  const changes = demoted.map((key) => ({ kind: "demote" as const, key }));
  const promoted = learner === undefined ? [] : [{ kind: "promote" as const, key: learner }];
  if (membership.voters.length - demoted.length + promoted.length < 2) return;
  world.changedAt = world.scheduler.now;
  leader.enter(() => {
    const deadline = leader.host.clock.now() + 1000;
    leader.node?.change({ changes: [...changes, ...promoted] }, deadline, () => undefined);
  });
}

function inAnyOrderOf(keys: readonly MemberKey[], random: Prng): readonly MemberKey[] {
  const from = random.between(0, Math.max(1, keys.length));
  return [...keys.slice(from), ...keys.slice(0, from)];
}

function isSceneSet(world: World, { scene }: AmnesiaFault): boolean {
  const isInForce = (is: (membership: Membership) => boolean): boolean =>
    world.hosts.some(({ process }) => {
      const membership = process?.status()?.membership;
      return membership !== undefined && is(membership);
    });
  switch (scene) {
    case "leader down":
      return world.leader() === undefined;
    case "partition":
      return world.network.links.isCut;
    case "joint":
      return isInForce(({ outgoing }) => outgoing.length > 0);
    case "learner":
      return isInForce(({ learners }) => learners.length > 0);
    default:
      return unreachable(scene);
  }
}

/** False: it would be more than the others can bear, or there is nothing to forget. */
function act(world: World, host: Host, { fault, copies }: Waiting): boolean {
  const { what, downMs, forMs } = fault;
  if (what === "old incarnation") return startFormer(world, host, forMs);
  // What was asked for in this scene is in the logs already.
  if (!canLose(world, host, fault.scene === "joint" ? 0 : undefined)) return false;
  switch (what) {
    case "wipe":
      host.wipe(downMs);
      return true;
    case "rollback": {
      const copy = copies.get(host.number);
      if (copy === undefined || copy.key !== host.key || !isRecognised(world, host, copy.log.seq)) return false;
      host.putBack(copy, downMs);
      return true;
    }
    case "last transaction":
      return host.loseTransactions(host.log.beforeLast, downMs);
    case "vote":
      return host.loseTransactions(host.log.beforeVote, downMs);
    case "clone":
      return startClone(world, host, forMs);
    default:
      return unreachable(what);
  }
}

/**
 * Whether those that could elect somebody with its vote, or count its acknowledgement, know better than an old copy. Its
 * pair counts in the size of every quorum, and those that do not know must not be one together with it.
 */
export function isRecognised(world: World, host: Host, seq: number): boolean {
  const knowing = new Set(
    world.hosts.filter((other) => other !== host && knows(world, other, host.key, seq)).map(({ key }) => key),
  );
  return possibleMemberships(world).every(({ voters, outgoing }) =>
    [voters, outgoing].every((half) => half.filter((key) => !knowing.has(key)).length * 2 <= half.length),
  );
}

/** Whether its disk tells that the pair once acknowledged more, and for good. */
function knows(world: World, { log: { image }, snapshots, isLost }: Host, key: MemberKey, seq: number): boolean {
  if (isLost) return false;
  const isMore = (told: { readonly key: MemberKey; readonly seq: number }): boolean =>
    told.key === key && told.seq > seq;
  if (snapshots.list().some((meta) => meta.seqs.some(isMore))) return true;
  return image.entries.some(({ kind, index, chain, data }) => {
    if (kind !== "check" || world.oracle.committed.at(index)?.entry.chain !== chain) return false;
    return decodeCheck(data).some(isMore);
  });
}

/** Attack 1.8: acknowledged on the leader and one follower only; then the leader dies, and that follower is put back. */
export function rollBackBehindLeader(world: World, host: Host, body: Extract<FaultBody, { kind: "rollback" }>): void {
  const copy = host.copyFolder();
  const { scheduler } = world;
  scheduler.after(body.afterMs, () => {
    const leader = world.leader();
    const isFit = copy.key === host.key && leader !== undefined && leader.host !== host && !world.network.isCalm;
    if (!isFit || !canLose(world, host) || !isRecognised(world, host, copy.log.seq)) return;
    const lagging = world.hosts.find((other) => other !== host && other !== leader.host && other.isUp);
    if (lagging !== undefined) {
      const shape = { kind: "partition", shape: "isolate", target: body.target, salt: 1, isHeld: false } as const;
      partition(world, lagging.number, { ...shape, forMs: body.forMs });
    }
    scheduler.after(body.forMs, () => {
      if (copy.key !== host.key || world.network.isCalm) return;
      if (!canLose(world, host) || !isRecognised(world, host, copy.log.seq)) return;
      world.marks.hit("leader lost with a folder that is put back");
      world.leader()?.host.kill(body.downMs * 5 + 1000, false);
      host.putBack(copy, body.downMs);
    });
  });
}

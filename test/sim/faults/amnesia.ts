import { createPrng, unreachable, type MemberKey, type Prng } from "../../../src/base/index.ts";
import { decodeCheck, decodeMembership, type Membership, type Observation } from "../../../src/raft/index.ts";
import type { FolderCopy, Host } from "../host.ts";
import { startClone, startFormer } from "../phantom.ts";
import type { World } from "../world.ts";
import { canLose, possibleMemberships } from "./budget.ts";
import { cellOf } from "./amnesia-matrix.ts";
import type { FaultBody } from "./fault.ts";
import { partition } from "./partition.ts";

export type AmnesiaFault = Extract<FaultBody, { kind: "amnesia" }>;

/** Until machine and scene are as wanted: looked at whenever a role or a membership changes, and so often. */
const LOOK_EVERY_MS = 25;
const SCENE_EVERY_MS = 3000;
/** Some scenes cannot be had in a small cluster: then another fault has its turn. */
const WAIT_MS = 7000;

/** Copies are taken now; a while later the scene is set, and as soon as some machine fits, it forgets. */
export function forget(world: World, fault: AmnesiaFault): void {
  const random = createPrng(fault.salt);
  const copies = new Map(world.hosts.map((host) => [host.number, host.copyFolder()] as const));
  world.scheduler.after(fault.afterMs, () => {
    // One at a time: several would never let each other have a quiet moment.
    if (!world.network.isCalm && world.lookouts.size === 0) new Lookout(world, { fault, random, copies }).start();
  });
}

interface Waiting {
  readonly fault: AmnesiaFault;
  readonly random: Prng;
  readonly copies: ReadonlyMap<number, FolderCopy>;
}

/** Waits for a machine in the wanted role and scene; sets the scene anew now and then. */
class Lookout {
  readonly #world: World;
  readonly #waiting: Waiting;
  readonly #look = (): void => this.#lookOnce();
  readonly #until: number;
  #isOver = false;
  #sceneAt = -Infinity;

  constructor(world: World, waiting: Waiting) {
    this.#world = world;
    this.#waiting = waiting;
    this.#until = world.scheduler.now + WAIT_MS;
  }

  start(): void {
    const { what } = this.#waiting.fault;
    const isHistoryKept = what === "last transaction" || what === "vote";
    for (const host of this.#world.hosts) host.log.isHistoryKept ||= isHistoryKept;
    this.#world.lookouts.add(this.#look);
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#lookOnce();
    if (!this.#isOver) this.#world.scheduler.after(LOOK_EVERY_MS, () => this.#lookAgain());
  }

  #lookOnce(): void {
    if (this.#isOver) return;
    const { scheduler, network, hosts, marks } = this.#world;
    const { fault, random } = this.#waiting;
    if (network.isCalm || scheduler.now > this.#until) return this.#end();
    if (scheduler.now > this.#sceneAt + SCENE_EVERY_MS) {
      this.#sceneAt = scheduler.now;
      setScene(this.#world, fault, random);
    }
    if (fault.what === "old incarnation") this.#loseDisks();
    if (!isSceneSet(this.#world, fault)) return;
    for (const host of inAnyOrder(hosts, random)) {
      if (!act(this.#world, host, this.#waiting)) continue;
      marks.add(cellOf(fault), 1);
      return this.#end();
    }
  }

  /** Before old disks can return, a machine in the wanted role must have lost them. */
  #loseDisks(): void {
    const { fault, random } = this.#waiting;
    const { hosts } = this.#world;
    if (isDiskLost(this.#world, fault)) return;
    const host = inAnyOrder(hosts, random).find((one) => hasRole(one, fault.role) && canLose(this.#world, one));
    host?.wipe(fault.downMs);
  }

  #end(): void {
    this.#isOver = true;
    this.#world.lookouts.delete(this.#look);
    for (const host of this.#world.hosts) host.log.isHistoryKept = false;
  }
}

function inAnyOrder(hosts: readonly Host[], random: Prng): readonly Host[] {
  const from = random.between(0, hosts.length);
  return [...hosts.slice(from), ...hosts.slice(0, from)];
}

function hasRole(host: Host, wanted: AmnesiaFault["role"]): boolean {
  const membership = host.process?.status()?.membership;
  return host.process?.isPaused === false && membership?.voters.includes(host.key) === true && host.role === wanted;
}

/** Disks of a machine in the wanted role are there to be found again. */
function isDiskLost({ hosts }: World, { role }: AmnesiaFault): boolean {
  return hosts.some(({ former }) => former?.role === role);
}

function setScene(world: World, fault: AmnesiaFault, random: Prng): void {
  const { scene, role, downMs, forMs, salt } = fault;
  const leader = world.leader();
  if (scene === "joint" && role === "candidate") return setJointCandidacy(world, fault, random);
  if (scene === "partition") {
    const shape = random.pick(["isolate", "halves", "bridge", "one-link"] as const);
    const target = { kind: "leader" } as const;
    partition(world, leader?.host.number ?? 0, { kind: "partition", shape, target, salt, forMs, isHeld: false });
  }
  if (scene === "joint") askForJoint(world, random);
  if (scene === "learner") wishForLearner(world, random);
  // Without a leader there are candidates.
  if (scene === "leader down" || role === "candidate") leader?.host.kill(downMs, random.chance(0.3));
}

/**
 * The leader dies as soon as somebody else has the joint membership: so it is there while they elect. Disks that are to
 * return are lost before, as nobody may lose any while voters change.
 */
function setJointCandidacy(world: World, fault: AmnesiaFault, random: Prng): void {
  const leader = world.leader();
  const kill = (): void => leader?.host.kill(fault.downMs, random.chance(0.3));
  if (fault.what === "old incarnation") {
    if (isDiskLost(world, fault)) askForJoint(world, random);
    else kill();
    return;
  }
  world.watchpoints.on(
    SCENE_EVERY_MS,
    (moment) => moment.kind === "observed" && moment.process !== leader && isJoint(moment.observation),
    kill,
  );
  askForJoint(world, random);
}

function isJoint(observation: Observation): boolean {
  return observation.kind === "membership" && observation.membership.outgoing.length > 0;
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

/** A machine that is to be a learner for a while, without making the voters too few. */
function wishForLearner(world: World, random: Prng): void {
  const { hosts, scheduler, network } = world;
  const voters = hosts.filter(({ wish }) => wish === "voter");
  const host = hosts.find(({ wish }) => wish === "absent") ?? (voters.length > 3 ? random.pick(voters) : undefined);
  if (host === undefined || world.isMissingPair) return;
  const before = host.wish;
  host.wish = "learner";
  scheduler.after(SCENE_EVERY_MS * 0.8, () => {
    // The operator may have changed it meanwhile.
    if (!network.isCalm && host.wish === "learner") host.wish = before;
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
  const { what, role, downMs, forMs } = fault;
  if (what === "old incarnation") return host.former?.role === role && startFormer(world, host, forMs);
  if (!hasRole(host, role)) return false;
  // What was asked for in this scene is in the logs already.
  if (!canLose(world, host, fault.scene === "joint" ? 0 : undefined)) return false;
  switch (what) {
    case "wipe":
      host.wipe(downMs);
      return true;
    case "rollback": {
      const copy = copies.get(host.number);
      if (copy === undefined || copy.key !== host.key || !isRecognised(world, host, copy)) return false;
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
 * pair counts in the size of every quorum, and those that do not know must not be one together with it: also in an old
 * membership that the copy, or who lags behind, takes for the one in force.
 */
export function isRecognised(world: World, host: Host, copy: FolderCopy): boolean {
  const others = world.hosts.filter((other) => other !== host);
  const knowing = new Set(others.filter((other) => knows(world, other, host.key, copy.log.seq)).map(({ key }) => key));
  const held = [
    newestIn(copy.log, copy.snapshots),
    ...others.map(({ log, snapshots }) => newestIn(log.image, snapshots)),
  ];
  return [...possibleMemberships(world), ...held.filter((membership) => membership !== undefined)].every(
    ({ voters, outgoing }) =>
      [voters, outgoing].every((half) => half.filter((key) => !knowing.has(key)).length * 2 <= half.length),
  );
}

/** The membership in force for a process over these disks. */
function newestIn(log: FolderCopy["log"], snapshots: FolderCopy["snapshots"]): Membership | undefined {
  const entry = log.entries.findLast(({ kind }) => kind === "membership");
  return entry === undefined ? snapshots.list().at(-1)?.membership : decodeMembership(entry.data);
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
    if (!isFit || !canLose(world, host) || !isRecognised(world, host, copy)) return;
    const lagging = world.hosts.find((other) => other !== host && other !== leader.host && other.isUp);
    if (lagging !== undefined) {
      const shape = { kind: "partition", shape: "isolate", target: body.target, salt: 1, isHeld: false } as const;
      partition(world, lagging.number, { ...shape, forMs: body.forMs });
    }
    scheduler.after(body.forMs, () => {
      if (copy.key !== host.key || world.network.isCalm) return;
      if (!canLose(world, host) || !isRecognised(world, host, copy)) return;
      world.marks.hit("leader lost with a folder that is put back");
      world.leader()?.host.kill(body.downMs * 5 + 1000, false);
      host.putBack(copy, body.downMs);
    });
  });
}

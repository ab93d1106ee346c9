import { expect } from "bun:test";
import { isRecognised } from "../faults/amnesia.ts";
import { startClone } from "../phantom.ts";
import { CALM_DISK, calmOptions } from "../scenarios/calm-options.ts";
import type { Scene } from "../scenarios/scene.ts";
import { SCENARIOS } from "../scenarios/table.ts";
import type { Schedule } from "./schedule.ts";
import { SESSION_SCHEDULES } from "./session-schedules.ts";

/** Connections outlive a cut for a while. */
const KEPT_MS = 4500;
const FOREVER_MS = 1e9;
const SMALL_CACHE = { ...calmOptions({ hosts: 3, voters: 3 }).raftLimits, cacheBytesMax: 400 };
const THREE = { hosts: 3, voters: 3 };

function scenario(attack: string, words: string): Schedule {
  const found = SCENARIOS.find((one) => one.attack === attack && one.claim.includes(words));
  if (found === undefined) throw new RangeError(`There must be a scenario ${attack} with "${words}"`);
  return found;
}

/** Lets a machine in as a learner that is never to be a voter. */
function addLearner(scene: Scene, leader: number, number: number): void {
  scene.host(number).wish = "learner";
  const member = { ...scene.member(number), nonVoter: true };
  expect(scene.changed(leader, { kind: "add-learner", member })).toBe("ok");
  scene.until("the learner has everything", () => scene.host(number).process?.applied === scene.status(leader).commit);
}

/** The sender finishes late: its last chunk arrives after everything that overtook it. */
function lateSnapshot(scene: Scene): void {
  const { network } = scene.world;
  const follower = (): number => scene.host(2).process?.applied ?? 0;
  scene.lead(0);
  scene.isolate(2);
  compact(scene, 0);
  scene.heal();
  scene.until("a snapshot is on its way", () => network.transfers.size > 0);
  for (const transfer of network.transfers) transfer.delayLastChunk(4000);
  scene.run(200);
  network.cutTransfers();
  scene.until("another transfer brings it", () => follower() === scene.status(0).commit);
  const { boundIndex } = { boundIndex: follower() };
  for (const number of [0, 2]) compact(scene, 0, number);
  expect(scene.host(2).log.image.base.index).toBeGreaterThan(boundIndex);
  scene.run(5000);
  expect(scene.world.marks.count("chunk of a given up transfer")).toBeGreaterThan(0);
  scene.finish();
}

/** Writes and snapshots until the log of a machine begins after what it held before. */
function compact(scene: Scene, leader: number, number = leader): void {
  for (let round = 0; round < 3; round += 1) {
    scene.mustWrite(leader, 5);
    scene.run(300);
    takeSnapshot(scene, number);
    scene.run(100);
  }
}

function takeSnapshot(scene: Scene, number: number): void {
  const { process } = scene.host(number);
  process?.enter(() => process.node?.takeSnapshot(() => undefined));
}

/** The candidate has all pre-votes, and then only one vote that comes twice. */
function doubledVote(scene: Scene): void {
  scene.lead(0);
  const { process, clock } = scene.host(0);
  scene.world.network.doubled = "vote-reply";
  process?.enter(() => process.node?.transfer(scene.key(1), clock.now() + 3000, () => undefined));
  scene.until("the chosen one campaigns", () => scene.status(1).role === "candidate");
  const heard = new Set([1, 2]);
  scene.cut((from, to) => (from === 1 || to === 1) && !(heard.has(from) && heard.has(to)));
  scene.run(1500);
  expect(scene.world.marks.count("vote reply doubled")).toBeGreaterThan(0);
  scene.finish();
}

/** What was acknowledged just before is known to be committed only once an entry of the new term is. */
function soleVoterReads(scene: Scene): void {
  for (let round = 0; round < 5; round += 1) {
    scene.elect();
    scene.mustWrite(0, 3);
    scene.crash(0, true);
    scene.restart(0);
    scene.until("it leads again", () => scene.host(0).process?.status()?.role === "leader");
    const read = scene.read(0);
    scene.until("the read is answered", () => read.answer !== undefined);
  }
  scene.finish();
}

/** A leader that was replaced hears nobody but its learner. */
function readsWithLearner(scene: Scene): void {
  scene.lead(0);
  addLearner(scene, 0, 3);
  scene.isolate(0, 3);
  const { process } = scene.host(0);
  if (process === undefined) throw new RangeError("The leader must run");
  for (const { process: other } of scene.others(0, 3)) {
    other?.enter(() => other.transport.receiver?.onPeerGone({ key: process.key, boot: process.boot }));
  }
  scene.mustWrite(scene.elect(scene.others(0, 3), 300), 3);
  expect(scene.status(0).role).toBe("leader");
  const read = scene.read(0, 3000);
  scene.run(4000);
  expect(read.answer?.kind).not.toBe("ready");
  scene.finish();
}

/** What the leader said to one pair reaches another one. */
function meantForAnother(scene: Scene): void {
  scene.lead(0);
  const late = scene.sent.find(({ kind, to }) => kind === "append" && to === scene.key(1));
  if (late === undefined) throw new RangeError("The leader must have sent something");
  const { process } = scene.host(2);
  process?.enter(() => process.transport.receiver?.onMessage({ ...late, term: scene.status(2).term }));
  scene.run(10);
  expect(scene.world.marks.count("dropped: meant for another pair")).toBe(1);
  scene.finish();
}

/** A learner that answers, and whose snapshot takes its time. */
function slowLearner(scene: Scene): void {
  const { transfers } = scene.world.network;
  scene.lead(0);
  compact(scene, 0);
  expect(scene.changed(0, { kind: "add-learner", member: scene.member(3) })).toBe("ok");
  scene.until("a snapshot is on its way", () => transfers.size > 0);
  for (const transfer of transfers) transfer.delayLastChunk(1500);
  scene.run(1200);
  expect(scene.status(0).membership.voters).not.toContain(scene.key(3));
  scene.finish();
}

/** What the other disk promised is known from a snapshot only, to nodes that were all started anew. */
function promisesInSnapshots(scene: Scene): void {
  const { world } = scene;
  scene.lead(0);
  scene.mustWrite(0, 5);
  const copy = scene.host(1).copyFolder();
  scene.mustWrite(0, 5);
  scene.until("the logs tell what the disk promised since", () => isRecognised(world, scene.host(1), copy));
  scene.host(1).putBack(copy, FOREVER_MS);
  // Once the last entry tells of it there are writes and snapshots before the next one does.
  scene.run(5000);
  for (let round = 0; round < 3; round += 1) {
    scene.mustWrite(0);
    scene.run(20);
    for (const number of [0, 2]) takeSnapshot(scene, number);
    scene.run(20);
  }
  scene.crash(0);
  scene.crash(2);
  for (const number of [0, 2]) {
    expect(scene.host(number).log.image.entries.some(({ kind }) => kind === "check")).toBe(false);
  }
  scene.restart(1);
  scene.restart(2);
  scene.run(20_000);
  expect(world.leader()).toBeUndefined();
  scene.restart(0);
  scene.mustWrite(scene.elect([scene.host(0), scene.host(2)]));
}

/** Two processes of one pair, and one other voter. */
function clonedFollower(scene: Scene): void {
  scene.lead(0);
  scene.mustWrite(0);
  expect(startClone(scene.world, scene.host(1), 60_000)).toBe(true);
  scene.run(500);
  // Cut off, not dead: a connection that is closed ends the clone.
  scene.isolate(2);
  const write = scene.write(0, 3000);
  scene.run(KEPT_MS);
  expect(scene.world.phantoms.size).toBe(1);
  expect(write.answer?.kind).not.toBe("applied");
  scene.finish();
}

/** As before, and the leader dies: one of the two would need the vote of the other voter. */
function clonedCandidate(scene: Scene): void {
  scene.lead(0);
  scene.mustWrite(0);
  expect(startClone(scene.world, scene.host(1), 60_000)).toBe(true);
  scene.run(500);
  scene.isolate(0);
  scene.run(KEPT_MS);
  expect(scene.world.phantoms.size).toBe(1);
  const isAnswered = scene.sent.some(({ kind, to, from }) => {
    const isVote = kind === "vote-reply" || kind === "pre-vote-reply";
    return isVote && from === scene.key(2) && to === scene.key(1);
  });
  expect(isAnswered).toBe(false);
  scene.finish();
}

/** The snapshot is complete, and the process dies before its log follows it. */
function cutOffInstall(scene: Scene): void {
  scene.lead(0);
  scene.isolate(2);
  compact(scene, 0);
  const { traps } = scene.host(2);
  const target = { kind: "host", number: 2 } as const;
  traps.setSnapshot({ kind: "crash-at-snapshot", target, moment: "receive", downMs: 10 });
  scene.heal();
  scene.until("the process died", () => !scene.host(2).isUp);
  scene.isolate(2);
  scene.run(1000);
  expect(scene.status(2).snapshotIndex).toBe(scene.status(2).applied);
  expect(scene.status(2).firstIndex).toBe(scene.status(2).snapshotIndex + 1);
  scene.finish();
}

/** An entry that only its leader has, and whose stored bytes have changed. */
function rottenEntry(scene: Scene): void {
  scene.lead(0);
  scene.isolate(2);
  scene.mustWrite(0, 60);
  const { image } = scene.host(0).log;
  const index = image.lastIndex - 40;
  const written = image.entries.find((entry) => entry.index === index);
  image.rot(index);
  scene.heal();
  scene.run(3000);
  for (const message of scene.sent) {
    const entry = message.kind === "append" ? message.entries.find((one) => one.index === index) : undefined;
    expect(entry ?? written).toEqual(written);
  }
  scene.finish();
}

/** A node that was removed is asked, and knows who leads. */
function readAtRemoved(scene: Scene): void {
  scene.lead(0);
  scene.host(2).wish = "absent";
  expect(scene.changed(0, { kind: "remove", key: scene.key(2) })).toBe("ok");
  const early = scene.read(2, 2000);
  scene.run(500);
  const late = scene.read(2, 2000);
  scene.run(3000);
  expect([early, late].some(({ answer }) => answer === undefined)).toBe(false);
  scene.finish();
}

/** As its test is called. */
export function scheduleName(number: number): string {
  return `mutant ${number} does not survive its schedule`;
}

/** By the number of the mutant. */
export const SCHEDULES: ReadonlyMap<number, Schedule> = new Map([
  ...SESSION_SCHEDULES,
  [17, scenario("3.2", "connections that are reset")],
  [22, scenario("1.2", "disks that are full everywhere")],
  [25, scenario("4.3", "after a restart")],
  [31, { setup: THREE, play: lateSnapshot }],
  [34, { setup: THREE, play: cutOffInstall }],
  [41, scenario("6.1", "a follower answers")],
  [50, { setup: THREE, play: readAtRemoved }],
  [71, { setup: { hosts: 5, voters: 5 }, play: doubledVote }],
  [77, { setup: { hosts: 4, voters: 3 }, play: readsWithLearner }],
  [
    80,
    {
      setup: { hosts: 1, voters: 1, options: { disk: { ...CALM_DISK, syncMsMin: 20, syncMsMax: 30 } } },
      play: soleVoterReads,
    },
  ],
  [81, { setup: THREE, play: meantForAnother }],
  [83, { setup: { hosts: 4, voters: 3 }, play: slowLearner }],
  [84, scenario("1.4", "a live voter")],
  [103, scenario("1.8", "a folder that was put back")],
  [104, { setup: THREE, play: promisesInSnapshots }],
  [105, { setup: THREE, play: clonedFollower }],
  [107, { setup: { ...THREE, options: { raftLimits: SMALL_CACHE } }, play: rottenEntry }],
  [106, { setup: THREE, play: clonedCandidate }],
]);

import { memberKey, type Incarnation, type MemberKey, type Prng } from "../../src/base/index.ts";
import type { Identity } from "../../src/node/index.ts";
import { chainStart, type Entry, type Member, type Role } from "../../src/raft/index.ts";
import { LogDisk } from "./disk/log-disk.ts";
import { LogImage } from "./disk/log-image.ts";
import { isMarred } from "./disk/marred.ts";
import { SnapshotDisk } from "./disk/snapshot-disk.ts";
import { Traps } from "./faults/traps.ts";
import { MachineClock } from "./machine-clock.ts";
import { Process, ProcessDied } from "./process.ts";
import type { Machine, Stage } from "./stage.ts";

/** The command versions that a release understands at most: the one that every machine starts with, and the next one. */
export const OLD_VERSION = 1;
export const NEW_VERSION = 2;

/** What the operator wants this machine to be. */
export type Wish = "voter" | "learner" | "absent";

function roleOf(role: Role | undefined): "leader" | "candidate" | "follower" | "none" {
  if (role === "candidate" || role === "pre-candidate") return "candidate";
  return role === "leader" || role === "follower" ? role : "none";
}

/** A data folder at one moment. */
export interface FolderCopy {
  readonly key: MemberKey;
  readonly identity: Identity;
  readonly log: LogImage;
  readonly snapshots: SnapshotDisk;
}

/** One machine: a clock, disks, and at most one process. */
export class Host implements Machine {
  readonly number: number;
  /** Kept on its disk: another one only after a wipe. */
  id: string;
  readonly clock: MachineClock;
  readonly traps: Traps;
  log: LogDisk;
  snapshots: SnapshotDisk;
  key: MemberKey;
  incarnation: Incarnation;
  wish: Wish;
  /** Of the release that is installed: the next start is of that one. */
  commandVersion = OLD_VERSION;
  process: Process | undefined;
  /** Power is on: without a process, connections are refused. */
  isOn = true;
  /** The disk broke a promise or lost everything: this pair never comes back. */
  isLost = false;
  /** Its folder is an older copy: the others must find out and tell it, and then it comes back as a new incarnation. */
  isRolledBack = false;
  /** Its log is behind its witness: found when it starts. */
  #isBehindWitness = false;
  /** The disks as they were when everything was wiped, whole: somebody may find them again. */
  former: (FolderCopy & { readonly role: ReturnType<typeof roleOf> }) | undefined;
  readonly #world: Stage;
  readonly #random: Prng;
  #restartAt: number | undefined;

  constructor(world: Stage, number: number, setup: { readonly random: Prng; readonly wish: Wish }) {
    this.#world = world;
    this.number = number;
    this.id = `n${number}`;
    this.wish = setup.wish;
    this.#random = setup.random;
    const { driftMax } = world.options;
    this.clock = new MachineClock(world.scheduler, {
      rate: 1 + (this.#random.float() * 2 - 1) * driftMax,
      offset: this.#random.float() * 1e6,
    });
    this.traps = new Traps(
      (downMs, isInside) => {
        this.kill(downMs, false);
        if (isInside) throw new ProcessDied();
      },
      (what) => this.#onSnap(what),
    );
    this.incarnation = world.mint();
    this.key = memberKey(this.id, this.incarnation);
    this.log = this.#newLog();
    this.snapshots = this.#newSnapshots();
  }

  get role(): ReturnType<typeof roleOf> {
    return roleOf(this.process?.status()?.role);
  }

  get isUp(): boolean {
    return this.process !== undefined;
  }

  member(admitted = 0): Member {
    return {
      id: this.id,
      incarnation: this.incarnation,
      name: this.id,
      address: `host${this.number}:7000`,
      httpAddress: "",
      zone: "",
      version: "1.0.0",
      commandVersion: this.commandVersion,
      nonVoter: false,
      admitted,
      publicKey: "",
    };
  }

  get identity(): Identity {
    const { clusterId, epoch } = this.#world;
    return { clusterId, epoch, nodeId: this.id, incarnation: this.incarnation };
  }

  /** The folder of a new node: an identity, and the first entry when it founds the cluster. */
  prepare(first: readonly Entry[]): void {
    this.log.bootstrap(this.identity, { hard: { term: first.length > 0 ? 1 : 0, vote: undefined }, entries: first });
  }

  start(): void {
    // The mark "untrusted" outlives the process: a broken disk is not served again, only wiped.
    if (this.process !== undefined || this.log.isBroken) return;
    if (this.#isBehindWitness || !this.#hasWholeLog()) return this.#wipeLater(0);
    this.#restartAt = undefined;
    this.isOn = true;
    const process = new Process(this.#world, this, { boot: this.#world.mint(), random: this.#random.fork() });
    this.process = process;
    process.open(this.identity);
  }

  /** kill -9, or the power is cut: then nobody is told, and the machine answers nothing until it is back. */
  kill(downMs: number, isPowerCut: boolean): void {
    const { process } = this;
    if (process === undefined) return;
    this.process = undefined;
    const { marks, trace, scheduler } = this.#world;
    trace.line(scheduler.now, () => `${this.key} dies for ${downMs.toFixed(1)} ms${isPowerCut ? ", power cut" : ""}`);
    this.traps.clear();
    this.#markDeath(process);
    process.die();
    process.transport.hangUp(!isPowerCut);
    const fate = this.log.crash();
    if (fate === "kept") marks.hit("crash with unsynced transaction kept");
    if (fate === "lost") marks.hit("crash with unsynced transaction lost");
    this.snapshots.crash();
    this.isOn = !isPowerCut;
    if (downMs < 5) marks.hit("restart within a tick");
    this.#world.onDied(process);
    this.#startLater(downMs);
  }

  /** Puts another release on the machine, and starts that. */
  install(commandVersion: number, downMs: number): void {
    this.commandVersion = commandVersion;
    this.kill(downMs, false);
  }

  #markDeath(process: Process): void {
    const { marks } = this.#world;
    const status = process.status();
    if (this.log.isTrimming) marks.hit("crash between snapshot and log trim");
    if (status === undefined) return;
    if (status.commit > process.applied) marks.hit("crash between commit and apply");
    if (status.role === "leader" && status.membershipIndex > status.commit) {
      marks.hit("leader crashed with a membership not committed");
    }
  }

  /** The process ended as it was asked to. */
  onStopped(process: Process, downMs: number): void {
    if (this.process !== process) return;
    this.kill(downMs, false);
  }

  /** Everything on the disks is gone, and the machine comes back empty, as a new incarnation. */
  wipe(downMs: number): void {
    const { role } = this;
    this.kill(downMs, false);
    this.former = this.isLost ? undefined : { ...this.copyFolder(this.log.image), role };
    this.isLost = false;
    this.isRolledBack = false;
    this.#isBehindWitness = false;
    this.#world.marks.hit("wiped disk returned");
    this.incarnation = this.#world.mint();
    this.key = memberKey(this.id, this.incarnation);
    this.log = this.#newLog();
    this.snapshots = this.#newSnapshots();
    this.prepare([]);
    this.#startLater(downMs);
  }

  /** The node found that its disk cannot be trusted and stopped counting; the operator wipes it later. */
  onUntrusted(reason: string): void {
    this.isLost = true;
    this.#world.onUntrusted(this, reason);
    if (!this.log.isBroken) this.#wipeLater(200);
  }

  get isMarred(): boolean {
    return isMarred(this.log.image, this.snapshots);
  }

  #hasWholeLog(): boolean {
    const { marks } = this.#world;
    const found = this.log.inspect(this.snapshots.listWhole());
    if (found === "purged") marks.hit("damaged entries removed at the start");
    if (found !== "untrusted") return true;
    marks.hit("damaged log not trusted");
    this.isLost = true;
    return false;
  }

  /** No snapshot can be read: as the agent does, it starts anew from the others. */
  onNothingToRestore(): void {
    this.#world.marks.hit("all snapshots rotten");
    this.isLost = true;
    this.kill(1e9, false);
    this.#wipeLater(0);
  }

  /** All of the folder as a power cut would leave it now. */
  copyFolder(image = this.log.image.copy()): FolderCopy {
    return { key: this.key, identity: this.identity, log: image, snapshots: this.snapshots.copy() };
  }

  /** The folder is put back to an older copy, as with a virtual machine's snapshot. */
  putBack(copy: FolderCopy, downMs: number): void {
    this.kill(downMs, true);
    this.isLost = true;
    this.isRolledBack = true;
    this.#world.oracle.onForgotten(this.key);
    this.#world.marks.hit("folder put back");
    this.log = this.#newLog(copy.log);
    this.snapshots = copy.snapshots;
    this.#startLater(downMs);
  }

  /** The power is cut, and the disk turns out not to have what it said it had; false: there is nothing to lose. */
  loseTransactions(before: LogImage | undefined, downMs: number): boolean {
    if (before === undefined) return false;
    this.kill(downMs, true);
    this.isLost = true;
    this.#isBehindWitness = true;
    this.#world.marks.hit("transactions found missing");
    this.log = this.#newLog(before);
    this.#startLater(downMs);
    return true;
  }

  /** The members let it in again once they see it empty. */
  #wipeLater(afterMs: number): void {
    const { key } = this;
    this.#world.scheduler.after(afterMs, () => {
      if (this.key === key) this.wipe(0);
    });
  }

  #startLater(downMs: number): void {
    const { scheduler } = this.#world;
    const at = scheduler.now + downMs;
    this.#restartAt = at;
    scheduler.at(at, () => {
      if (this.#restartAt === at) this.start();
    });
  }

  /** What an older copy acknowledged before it was made is not all that this pair ever acknowledged. */
  #newLog(found?: LogImage): LogDisk {
    const { scheduler, options, clusterId, epoch, oracle } = this.#world;
    const image = found ?? new LogImage(chainStart(clusterId, epoch));
    if (found === undefined) oracle.onDisk(this.key, image);
    return new LogDisk(scheduler, options.disk, {
      random: this.#random.fork(),
      image,
      tailBytesMax: options.raftLimits.cacheBytesMax,
    });
  }

  #newSnapshots(): SnapshotDisk {
    const { scheduler, options } = this.#world;
    return new SnapshotDisk(scheduler, this.#random.fork(), options.disk.syncMsMax);
  }

  #onSnap(what: "send" | "before sync" | "after sync" | "snapshot write" | "snapshot"): void {
    const { marks } = this.#world;
    if (what === "send") marks.hit("crash at a chosen send");
    else if (what === "before sync") marks.hit("crash before fsync");
    else if (what === "after sync") marks.hit("crash between fsync and acknowledgement");
    else marks.hit("crash in snapshot write");
  }
}

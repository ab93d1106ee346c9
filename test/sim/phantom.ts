import type { Incarnation, MemberKey, Prng } from "../../src/base/index.ts";
import { Traps } from "./faults/traps.ts";
import type { FolderCopy, Host } from "./host.ts";
import { LogDisk } from "./disk/log-disk.ts";
import { isMarred } from "./disk/marred.ts";
import type { SnapshotDisk } from "./disk/snapshot-disk.ts";
import type { MachineClock } from "./machine-clock.ts";
import { Connection } from "./network/connection.ts";
import { Process } from "./process.ts";
import type { Machine } from "./stage.ts";
import type { World } from "./world.ts";

/** A process that should not be there: beside the one of its machine, on a folder of its own. Nobody can dial it. */
export class Phantom implements Machine {
  readonly number: number;
  readonly id: string;
  readonly key: MemberKey;
  readonly incarnation: Incarnation;
  readonly clock: MachineClock;
  readonly traps = new Traps(
    () => undefined,
    () => undefined,
  );
  readonly log: LogDisk;
  readonly snapshots: SnapshotDisk;
  readonly isRolledBack = false;
  readonly commandVersion: number;
  readonly #world: World;
  readonly #identity: FolderCopy["identity"];
  readonly #random: Prng;
  process: Process | undefined;

  constructor(world: World, host: Host, { key, identity, log, snapshots }: FolderCopy) {
    this.#world = world;
    this.number = host.number;
    this.id = host.id;
    this.key = key;
    this.incarnation = identity.incarnation;
    this.clock = host.clock;
    this.commandVersion = host.commandVersion;
    this.#identity = identity;
    this.#random = world.random.fork();
    this.log = new LogDisk(world.scheduler, world.options.disk, {
      random: this.#random.fork(),
      image: log,
      tailBytesMax: world.options.raftLimits.cacheBytesMax,
    });
    this.snapshots = snapshots;
  }

  /** What rotted before the folder was copied is rotten in the copy. */
  get isMarred(): boolean {
    return isMarred(this.log.image, this.snapshots);
  }

  start(setup: { readonly isDialing: boolean; readonly onStarted?: () => void }): void {
    const process = new Process(this.#world, this, { boot: this.#world.mint(), random: this.#random.fork(), ...setup });
    this.process = process;
    this.#world.phantoms.add(this);
    process.open(this.#identity);
  }

  kill(): void {
    const { process } = this;
    if (process === undefined) return;
    this.process = undefined;
    this.#world.phantoms.delete(this);
    process.die();
    process.transport.hangUp(true);
  }

  onNothingToRestore(): void {
    this.kill();
  }

  /** It was told that it must not count. */
  onUntrusted(): void {
    this.#world.scheduler.soon(() => this.kill());
  }
}

/**
 * A copy of a live machine's folder is started beside it. Whoever is connected with the one is connected with the other,
 * for as long as both live: somebody who only ever saw one of them could not know.
 */
export function startClone(world: World, host: Host, forMs: number): boolean {
  const { process } = host;
  const wires = process?.transport.openWires() ?? [];
  if (process === undefined || process.isPaused || wires.length === 0 || world.network.clones.has(process.transport))
    return false;
  world.oracle.onForgotten(host.key);
  const clone = new Phantom(world, host, host.copyFolder());
  clone.start({
    isDialing: false,
    onStarted: () => {
      const { transport } = clone.process ?? {};
      if (transport === undefined || host.process !== process) return clone.kill();
      world.marks.hit("clone of a live process");
      for (const wire of process.transport.openWires()) {
        const other = wire.other(process.transport);
        const connection = new Connection(transport, other);
        transport.accept(connection);
        other.accept(connection);
      }
    },
  });
  world.network.clones.set(process.transport, () => {
    // First of all: each wire that is closed here asks for the end of the clone again.
    world.network.clones.delete(process.transport);
    const { transport } = clone.process ?? {};
    for (const wire of transport?.openWires() ?? []) if (transport !== undefined) wire.other(transport).close(wire);
    clone.kill();
  });
  world.scheduler.after(forMs, () => world.network.clones.get(process.transport)?.());
  return true;
}

/** The disks that this machine had before it was wiped are found, and started. */
export function startFormer(world: World, host: Host, forMs: number): boolean {
  const { former } = host;
  if (former === undefined) return false;
  host.former = undefined;
  world.marks.hit("former disk returned");
  const phantom = new Phantom(world, host, former);
  phantom.start({ isDialing: true });
  world.scheduler.after(forMs + 1000, () => phantom.kill());
  return true;
}

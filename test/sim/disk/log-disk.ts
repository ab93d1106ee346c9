import { err, ok, type LogIndex, type Prng, type Result } from "../../../src/base/index.ts";
import type { Identity, LogStore, PersistReceipt, StorageFailure } from "../../../src/node/index.ts";
import { entrySize, type Entry, type HardState, type Persist, type SnapshotMeta } from "../../../src/raft/index.ts";
import type { Gate } from "../gate.ts";
import type { Scheduler } from "../scheduler.ts";
import type { DiskOptions } from "../swarm.ts";
import type { LogImage } from "./log-image.ts";

/** What watches one disk: the oracle, and traps that kill the process around a sync. */
export interface LogDiskHooks {
  onPersist(operations: readonly Persist[]): void;
  /** The transaction is about to become durable; true: the process died instead. */
  beforeSync(): boolean;
  /** It is durable and nobody knows yet; true: the process died right now. */
  afterSync(): boolean;
}

interface Transaction {
  readonly operations: readonly Persist[];
  readonly commitHint: LogIndex;
}

type Persisted = (result: Result<PersistReceipt, StorageFailure>) => void;

export interface LogDiskSetup {
  readonly random: Prng;
  readonly image: LogImage;
  /** Of the newest entries so many bytes are handed over whole to a new process. */
  readonly tailBytesMax: number;
}

/**
 * A simulated disk with one log. A transaction is all or nothing; one that was not synced may be found after a crash
 * or not. Survives its processes.
 */
export class LogDisk {
  readonly #scheduler: Scheduler;
  readonly #options: DiskOptions;
  readonly #random: Prng;
  readonly #tailBytesMax: number;
  /** What survives a power cut. */
  readonly image: LogImage;
  #unsynced: Transaction | undefined;
  /** Extra ms of each sync until `slowUntil`. */
  #slow = { extraMs: 0, until: 0 };
  #fullUntil = 0;
  #failsNextSync = false;
  isBroken = false;
  /** While somebody may want to undo them: the image before the last transaction, and before the last vote. */
  isHistoryKept = false;
  beforeLast: LogImage | undefined;
  beforeVote: LogImage | undefined;

  constructor(scheduler: Scheduler, options: DiskOptions, setup: LogDiskSetup) {
    this.#scheduler = scheduler;
    this.#options = options;
    this.#random = setup.random;
    this.image = setup.image;
    this.#tailBytesMax = setup.tailBytesMax;
  }

  get isFull(): boolean {
    return this.#scheduler.now < this.#fullUntil;
  }

  /** A transaction is under way that removes what a snapshot contains. */
  get isTrimming(): boolean {
    return this.#unsynced?.operations.some(({ compactTo }) => compactTo !== undefined) === true;
  }

  slowDown(extraMs: number, forMs: number): void {
    this.#slow = { extraMs, until: this.#scheduler.now + forMs };
  }

  fillUp(forMs: number): void {
    this.#fullUntil = this.#scheduler.now + forMs;
  }

  failNextSync(): void {
    this.#failsNextSync = true;
  }

  /** No more faults from here on; what is broken stays broken. */
  heal(): void {
    this.#slow = { extraMs: 0, until: 0 };
    this.#fullUntil = 0;
    this.#failsNextSync = false;
  }

  /** The process that wrote is dead. "none": nothing was in flight. */
  crash(): "none" | "kept" | "lost" {
    const transaction = this.#unsynced;
    this.#unsynced = undefined;
    if (transaction === undefined) return "none";
    if (this.isBroken || !this.#random.chance(this.#options.keepUnsyncedChance)) return "lost";
    this.image.apply(transaction.operations, transaction.commitHint);
    return "kept";
  }

  /**
   * What the store does before it opens: damaged entries that a whole snapshot of this very log contains are removed, and
   * with any others the folder cannot be trusted. One that was received need not be of this log.
   */
  inspect(snapshots: readonly SnapshotMeta[]): "good" | "purged" | "untrusted" {
    const { image } = this;
    if (image.rotten.size === 0) return "good";
    const last = Math.max(...image.rotten);
    const found = snapshots.findLast(
      ({ index, chain }) => index > image.base.index && index >= last && image.idAt(index)?.chain === chain,
    );
    if (found === undefined) return "untrusted";
    const { index, term, chain, time } = found;
    image.purge({ index, term, chain, time });
    return "purged";
  }

  /** The store of a new process over what is on the disk. */
  open(gate: Gate, hooks: LogDiskHooks): LogStore {
    return {
      initial: this.image.toStored(this.#tailBytesMax),
      persist: (operations, commitHint, done) => {
        hooks.onPersist(operations);
        this.#persist({ operations, commitHint }, { gate, hooks, done });
      },
      read: (range, done) => {
        const entries = this.#read(range);
        this.#scheduler.after(this.#options.readMs * (0.5 + this.#random.float()), () =>
          gate.enter(() =>
            done(entries === "damaged" ? err({ kind: "damaged", message: "wrong checksum" }) : ok(entries)),
          ),
        );
      },
      bootstrap: (identity, first, done) => {
        this.bootstrap(identity, first);
        this.#scheduler.soon(() => gate.enter(() => done(ok({ seq: this.image.seq, durationMs: 0 }))));
      },
      sizeBytes: () => this.image.entries.length * 64,
      close: (done) => this.#scheduler.soon(() => gate.enter(done)),
    };
  }

  bootstrap(identity: Identity, first: { readonly hard: HardState; readonly entries: readonly Entry[] }): void {
    this.image.identity = identity;
    this.image.apply([{ ticket: 0, hard: first.hard, append: first.entries }], 0);
  }

  #persist(
    transaction: Transaction,
    use: { readonly gate: Gate; readonly hooks: LogDiskHooks; readonly done: Persisted },
  ): void {
    const { gate, hooks, done } = use;
    if (this.isFull) {
      this.#scheduler.after(1, () =>
        gate.enter(() => done(err({ kind: "full", message: "no space left on the device" }))),
      );
      return;
    }
    const startedAt = this.#scheduler.now;
    this.#unsynced = transaction;
    this.#scheduler.after(this.#syncMs(), () => {
      // The process that wrote it may be dead, and another one may be writing.
      if (this.#unsynced !== transaction || !gate.isAlive) return;
      if (this.#failsNextSync) return this.#fail(gate, done);
      if (this.isBroken) return this.#pretend(gate, done);
      if (hooks.beforeSync()) return;
      this.#unsynced = undefined;
      this.#keepHistory(transaction);
      this.image.apply(transaction.operations, transaction.commitHint);
      const receipt = { seq: this.image.seq, durationMs: this.#scheduler.now - startedAt };
      if (hooks.afterSync()) return;
      gate.enter(() => done(ok(receipt)));
    });
  }

  #keepHistory({ operations }: Transaction): void {
    this.beforeLast = this.isHistoryKept ? this.image.copy() : undefined;
    const { vote } = this.image.hard;
    if (!this.isHistoryKept) this.beforeVote = undefined;
    else if (operations.some(({ hard }) => hard?.vote !== undefined && hard.vote !== vote))
      this.beforeVote = this.beforeLast;
  }

  /** After a failed sync the next one succeeds, and what was written is lost all the same. */
  #pretend(gate: Gate, done: Persisted): void {
    this.#unsynced = undefined;
    this.image.seq += 1;
    gate.enter(() => done(ok({ seq: this.image.seq, durationMs: 1 })));
  }

  #fail(gate: Gate, done: Persisted): void {
    this.isBroken = true;
    this.#failsNextSync = false;
    this.#unsynced = undefined;
    gate.enter(() => done(err({ kind: "untrusted", message: "fsync failed: input/output error" })));
  }

  #syncMs(): number {
    const { syncMsMin, syncMsMax, slowSyncChance, slowSyncMs } = this.#options;
    const usual = syncMsMin + this.#random.float() * (syncMsMax - syncMsMin);
    const stall = slowSyncChance > 0 && this.#random.chance(slowSyncChance) ? slowSyncMs : 0;
    return usual + stall + (this.#scheduler.now < this.#slow.until ? this.#slow.extraMs : 0);
  }

  #read(range: {
    readonly from: LogIndex;
    readonly to: LogIndex;
    readonly bytesMax: number;
  }): readonly Entry[] | "damaged" {
    const { image } = this;
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = Math.max(range.from, image.base.index + 1); index < range.to; index += 1) {
      const entry = image.stored(index);
      if (entry === undefined) break;
      if (!isAsWritten(image, entry)) {
        if (found.length === 0) return "damaged";
        break;
      }
      bytes += entrySize(entry);
      if (found.length > 0 && bytes > range.bytesMax) break;
      found.push(entry);
    }
    return found[0]?.index === range.from ? found : [];
  }
}

/** The store's checksum over each entry. */
function isAsWritten(image: LogImage, entry: Entry): boolean {
  return !image.rotten.has(entry.index);
}

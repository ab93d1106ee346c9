import { assert, defined, type LogIndex, type Timer } from "../base/index.ts";
import type { SnapshotMeta } from "../raft/index.ts";
import type { Driver } from "./driver.ts";
import { LogGrowth } from "./log-growth.ts";
import { LogTrimmer } from "./log-trimmer.ts";
import type { NodeObserver, SnapshotOutcome } from "./node-types.ts";
import type { SnapshotPolicy } from "./options.ts";
import type { FrozenState, Identity, SnapshotDraft, SnapshotStore, SnapshotWriter, StateMachine } from "./ports.ts";

/** Encoded state produced in one go; small enough that a slice does not delay heartbeats. */
const PART_BYTES = 128 * 1024;
/** About so much of the log is removed in one transaction. */
const TRIM_STEP_BYTES = 1024 * 1024;

export interface SnapshotTakerOptions {
  readonly driver: Driver;
  readonly identity: Identity;
  readonly machine: StateMachine;
  readonly snapshots: SnapshotStore;
  readonly policy: SnapshotPolicy;
  readonly random: () => number;
  readonly observer: NodeObserver;
  readonly note: (message: string) => void;
}

/**
 * Takes snapshots: the state is frozen at one index, encoded in slices between turns, stored, read back and checked.
 * Only then the log behind it may go, and never beyond the oldest complete snapshot, so that a damaged newest one
 * still leaves a way back.
 */
export class SnapshotTaker {
  readonly #options: SnapshotTakerOptions;
  readonly #trimmer: LogTrimmer;
  #timer: Timer | undefined;
  #isTaking = false;
  #isStopped = false;
  /** [0, 1): what this node's thresholds are above the policy's. */
  #jitter = 0;
  readonly #growth = new LogGrowth();
  /** Of the state when this process last wrote it into a snapshot, which takes less on disk. */
  #stateBytes = 0;

  constructor(options: SnapshotTakerOptions) {
    this.#options = options;
    this.#trimmer = new LogTrimmer(options.driver);
  }

  get isTaking(): boolean {
    return this.#isTaking;
  }

  start(): void {
    this.#growth.start(this.#options.driver.applied);
    this.#waitForInterval();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#trimmer.stop();
  }

  /** `bytes`: of all entries that this process applied. */
  onApplied(bytes: number): void {
    if (this.#growth.onApplied(this.#options.driver.applied, bytes)) this.#takeIfLogIsLarge();
  }

  take(done: (outcome: SnapshotOutcome) => void): void {
    const { driver, machine, snapshots } = this.#options;
    const finish = (outcome: SnapshotOutcome): void => driver.clock.defer(() => done(outcome));
    if (this.#isTaking) return finish({ kind: "busy" });
    const index = machine.appliedIndex;
    const newest = snapshots.list().at(-1);
    if (index === 0 || (newest !== undefined && newest.index >= index)) {
      return finish({ kind: "nothing-new", meta: newest });
    }
    this.#isTaking = true;
    this.#growth.mark();
    const startedAt = driver.clock.now();
    const expectedHash = machine.stateHash();
    const frozen = machine.freeze();
    const draft = this.#draft(index, frozen, expectedHash);
    this.#copy(frozen, snapshots.create(), draft, (outcome) => {
      this.#isTaking = false;
      if (outcome.kind !== "taken") done(outcome);
      else {
        const durationMs = driver.clock.now() - startedAt;
        this.#onTaken(outcome.meta, durationMs);
        done({ ...outcome, durationMs });
      }
      // Of what was written meanwhile nothing more may come that would ask for one.
      this.#takeIfLogIsLarge();
    });
  }

  #waitForInterval(): void {
    const { driver, policy, random } = this.#options;
    this.#jitter = random();
    const wait = policy.intervalMs * (1 + this.#jitter);
    this.#timer = driver.clock.at(driver.clock.now() + wait, () => {
      if (this.#isStopped) return;
      if (driver.applied - this.#newestIndex() >= policy.thresholdEntries) this.take(() => undefined);
      this.#waitForInterval();
    });
  }

  #takeIfLogIsLarge(): void {
    const { snapshots, policy } = this.#options;
    const since = this.#growth.sinceMark;
    if (since < policy.thresholdBytes * (1 + this.#jitter) || this.#isTaking || this.#isStopped) return;
    // What it costs to write the state once is in proportion to what was written since.
    const stateBytes = Math.max(this.#stateBytes, snapshots.list().at(-1)?.sizeBytes ?? 0);
    if (since >= stateBytes / 2) this.take(() => undefined);
  }

  #newestIndex(): LogIndex {
    return this.#options.snapshots.list().at(-1)?.index ?? 0;
  }

  #draft(index: LogIndex, frozen: FrozenState, stateHash: string): SnapshotDraft {
    const { driver, identity } = this.#options;
    const at = defined(driver.core.entryId(index), `the log entry at the applied index ${index}`);
    const inForce = driver.core.membershipAt(index);
    assert(inForce.index <= index, "A snapshot carries the membership in force at its own index");
    return {
      id: `${at.term}-${index}-${Math.floor(driver.clock.wall())}`,
      clusterId: identity.clusterId,
      epoch: identity.epoch,
      index,
      term: at.term,
      chain: at.chain,
      time: at.time,
      membership: inForce.membership,
      membershipIndex: inForce.index,
      seqs: driver.core.memberSeqs(),
      stateHash,
      hashVersion: frozen.hashVersion,
      format: frozen.format,
      origin: "local",
    };
  }

  #copy(
    frozen: FrozenState,
    writer: SnapshotWriter,
    draft: SnapshotDraft,
    done: (outcome: SnapshotOutcome) => void,
  ): void {
    const { driver } = this.#options;
    const fail = (reason: string): void => {
      writer.abort();
      frozen.release();
      this.#options.note(`Cannot take a snapshot at index ${draft.index}: ${reason}. The log is kept`);
      done({ kind: "failed", reason });
    };
    let bytes = 0;
    const step = (): void => {
      if (this.#isStopped) return fail("this node is stopping");
      const part = frozen.next(PART_BYTES);
      if (part !== undefined) {
        bytes += part.length;
        writer.write(part, (failure) => {
          if (failure !== undefined) fail(failure.message);
          else driver.clock.defer(step);
        });
        return;
      }
      // The rows that were written must add up to the hash that apply kept: else the encoder or the freeze is wrong.
      if (frozen.stateHash !== draft.stateHash) return fail("its rows do not match the state's running hash");
      writer.complete(draft, (result) => {
        frozen.release();
        this.#stateBytes = bytes;
        if (result.ok) done({ kind: "taken", meta: result.value, durationMs: 0 });
        else fail(result.error.message);
      });
    };
    step();
  }

  #onTaken(meta: SnapshotMeta, durationMs: number): void {
    const { driver, policy, snapshots, observer } = this.#options;
    const oldest = snapshots.list()[0];
    const { firstIndex, lastIndex } = driver.core.status();
    const stepEntries = Math.floor(TRIM_STEP_BYTES / this.#growth.entryBytes);
    const trailing = Math.max(lastIndex - policy.trailingEntries, this.#growth.indexBefore(policy.trailingBytes));
    const compactTo = Math.max(0, Math.min(oldest?.index ?? 0, trailing));
    observer.onSnapshot?.({ durationMs, sizeBytes: meta.sizeBytes, index: meta.index });
    const wanted = { meta, compactTo, stepEntries: Math.max(1, Math.min(policy.trimStepEntries, stepEntries)) };
    this.#trimmer.trim(wanted, firstIndex - 1);
  }
}

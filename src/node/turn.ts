import { InvariantViolation, type Clock, type LogIndex, type Term } from "../base/index.ts";
import type { Effects, RaftCore, RaftEvent } from "../raft/index.ts";
import { Applier } from "./applier.ts";
import { Disk } from "./disk.ts";
import { tooNewFor } from "./cluster-version.ts";
import type { Driver } from "./driver.ts";
import { Gathering } from "./gathering.ts";
import { Leadership } from "./leadership.ts";
import type { Observers } from "./observers.ts";
import { Operations } from "./operations.ts";
import type { RunningOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Proposals } from "./proposals.ts";
import { Reads } from "./reads.ts";
import { SnapshotExchange } from "./snapshot-exchange.ts";
import { SnapshotTaker } from "./snapshot-taker.ts";
import { Wakeup } from "./wakeup.ts";

/** A read that the core could not answer is asked again after this long. */
const READ_RETRY_MS = 10;

export interface TurnOptions {
  readonly node: RunningOptions;
  readonly core: RaftCore;
  readonly observers: Observers;
  readonly commit: LogIndex;
  /** Whether the core may still be stepped. */
  readonly canStep: () => boolean;
  readonly distrust: (reason: string) => void;
  readonly halt: (reason: string) => void;
}

/**
 * One turn drains what arrived, steps the core, sends what may leave, persists everything in one transaction, applies
 * what is committed and answers. No promise and no await inside, so that the simulator can run it.
 */
export class Turn implements Driver {
  readonly clock: Clock;
  readonly core: RaftCore;
  readonly proposals: Proposals;
  readonly reads = new Reads();
  readonly operations = new Operations();
  readonly disk: Disk;
  readonly taker: SnapshotTaker;
  readonly exchange: SnapshotExchange;
  readonly wakeup: Wakeup;
  readonly gathering: Gathering;
  readonly #options: TurnOptions;
  readonly #outbox = new Outbox();
  readonly #applier: Applier;
  readonly #leadership = new Leadership();
  #inbox: RaftEvent[] = [];
  #isScheduled = false;
  #isRunning = false;
  #isRetryingReads = false;
  #nextRequest = 1;
  #commit: LogIndex;
  /** An installation whose reset is in this ticket: restored when it is durable. */
  #install: { readonly ticket: number; readonly meta: NonNullable<Effects["installSnapshot"]> } | undefined;

  constructor(options: TurnOptions) {
    const { node, observers, core } = options;
    const { clock, machine, snapshots, transport, note } = node;
    this.#options = options;
    this.clock = clock;
    this.core = core;
    this.#commit = options.commit;
    this.proposals = new Proposals(clock, node.limits, observers);
    this.disk = new Disk(node.log, clock, {
      onPersisted: (ticket, receipt, measure) => {
        observers.onPersist({ durationMs: receipt.durationMs, ...measure });
        this.submit({ kind: "persisted", now: clock.now(), ticket, seq: receipt.seq });
        this.run();
      },
      onFull: (full) => this.submit({ kind: "disk-full", now: clock.now(), full }),
      onUntrusted: options.distrust,
    });
    this.#applier = new Applier(this, machine, observers, (entry, result) => this.proposals.onApplied(entry, result));
    this.taker = new SnapshotTaker({
      driver: this,
      identity: node.identity,
      machine,
      snapshots,
      policy: node.snapshotPolicy,
      random: node.random,
      observer: observers,
      note,
    });
    this.exchange = new SnapshotExchange({
      driver: this,
      snapshots,
      transport,
      machine,
      taker: this.taker,
      observer: observers,
      note,
    });
    this.wakeup = new Wakeup(clock, () => this.schedule());
    this.gathering = new Gathering(clock, () => this.schedule());
  }

  get applied(): LogIndex {
    return this.#applier.applied;
  }

  submit(event: RaftEvent): void {
    this.#inbox.push(event);
    this.schedule();
  }

  distrust(reason: string): void {
    this.#options.distrust(reason);
  }

  halt(reason: string): void {
    this.#options.halt(reason);
  }

  /** A number for a request to the core. */
  nextRequest(): number {
    return this.#nextRequest++;
  }

  /** Proposals of this term and before are not waited for any longer. */
  givenUpTerm(): Term {
    return this.#leadership.givenUpTerm(this.clock.now(), this.#options.node.timing.electionTimeoutMs);
  }

  schedule(): void {
    if (this.#isScheduled || this.#isRunning) return;
    this.#isScheduled = true;
    this.clock.defer(() => {
      this.#isScheduled = false;
      this.run();
    });
  }

  run(): void {
    if (this.#isRunning || !this.#options.canStep()) return;
    this.#isRunning = true;
    const hasMore = this.#turn();
    this.#isRunning = false;
    if (hasMore || this.#inbox.length > 0) this.schedule();
  }

  /** The steps of a turn, in order. True: something is left for the next one. */
  #turn(): boolean {
    const { limits } = this.#options.node;
    // Messages first, timers after them: a late tick must not judge a leader whose messages wait in the inbox.
    this.#drain(limits.turnEventsMax);
    this.#takeRequests();
    if (this.wakeup.isDue()) this.#step({ kind: "tick", now: this.clock.now() });
    this.#sendAndPersist();
    const hasMoreToApply = this.#options.canStep() && this.#applier.run(limits.turnApplyBytesMax);
    this.taker.onApplied(this.#applier.bytes);
    this.#drain(limits.turnEventsMax);
    this.#sendAndPersist();
    this.reads.serve(this.applied);
    if (this.#options.canStep()) this.wakeup.arm();
    return hasMoreToApply || this.#mayPropose() || this.reads.hasWaiting;
  }

  /** All proposals of the turn are one event, and all reads are one. */
  #takeRequests(): void {
    const now = this.clock.now();
    const { waitingCount, underWayCount } = this.proposals;
    const proposed = this.#mayPropose() ? this.proposals.nextEvent(this.#nextRequest, now) : undefined;
    if (proposed !== undefined) {
      this.#nextRequest += 1;
      this.gathering.onBatch(waitingCount, underWayCount);
      this.#step(proposed);
    }
    const read = this.reads.nextEvent(this.#nextRequest, now);
    if (read !== undefined) {
      this.#nextRequest += 1;
      this.#step(read);
    }
  }

  /**
   * While a transaction is in flight, proposals gather for the next one: nothing is answered before the own disk has it,
   * so that taking them earlier would only cut what the followers get into more and smaller pieces. Then those that are
   * expected are waited for. What does not lead, or has no space, refuses them at once.
   */
  #mayPropose(): boolean {
    const { waitingCount, underWayCount, fillsTurn } = this.proposals;
    if (waitingCount === 0) {
      this.gathering.cancel();
      return false;
    }
    if (this.disk.isFull || !this.#leadership.isLeading) return true;
    return this.disk.isIdle && (fillsTurn || !this.gathering.holds(waitingCount, underWayCount));
  }

  #drain(eventsMax: number): void {
    let stepped = 0;
    while (this.#inbox.length > 0 && stepped < eventsMax) {
      const batch = this.#inbox.length <= eventsMax - stepped ? this.#inbox : this.#inbox.slice(0, eventsMax - stepped);
      this.#inbox = batch === this.#inbox ? [] : this.#inbox.slice(batch.length);
      stepped += batch.length;
      for (const event of batch) this.#step(event);
    }
  }

  #sendAndPersist(): void {
    if (!this.#options.canStep()) return;
    const messages = this.#outbox.take();
    if (messages.length > 0) this.#options.node.transport.send(messages);
    this.disk.flush(this.#commit);
  }

  #step(event: RaftEvent): void {
    if (!this.#options.canStep()) return;
    let effects: Effects;
    try {
      effects = this.core.step(event);
    } catch (cause) {
      if (cause instanceof InvariantViolation) this.halt(`An invariant of the Raft core is broken: ${cause.message}`);
      throw cause;
    }
    this.#route(effects);
    if (event.kind === "persisted") {
      this.#outbox.release(event.ticket, this.core.term);
      this.#installWhenDurable(event.ticket);
    }
  }

  #route(effects: Effects): void {
    const isCommitNew = effects.commit > this.#commit;
    this.#commit = effects.commit;
    this.wakeup.at = effects.nextWake;
    if (effects.persist !== undefined) this.disk.add(effects.persist);
    this.#outbox.add(effects.send);
    for (const accepted of effects.accepted) this.proposals.onAccepted(accepted);
    const { observers } = this.#options;
    if (effects.persist?.append !== undefined) observers.onAppend(effects.persist.append);
    if (isCommitNew) observers.onCommitted(effects.commit);
    for (const { request, index } of effects.reads) this.reads.onConfirmed(request, index);
    for (const { request, outcome } of effects.done) this.#onDone(request, outcome);
    if (effects.load !== undefined) this.#load(effects.load);
    for (const { to, session } of effects.cancelSnapshot) this.exchange.cancel(to, session);
    for (const wanted of effects.sendSnapshot) this.exchange.send(wanted);
    if (effects.installSnapshot !== undefined) {
      this.#applier.isPaused = true;
      this.#install = { ticket: effects.persist?.ticket ?? 0, meta: effects.installSnapshot };
    }
    for (const observation of effects.observe) this.#onObservation(observation);
  }

  #onDone(request: number, outcome: Effects["done"][number]["outcome"]): void {
    if (this.operations.onDone(request, outcome)) return;
    if (outcome.kind === "refused" && this.proposals.onRefused(request, outcome.refusal)) return;
    this.reads.onFailed(request, outcome.kind === "retry" && this.core.leader !== undefined);
    if (this.reads.hasResting && !this.#isRetryingReads) this.#retryReads();
  }

  #retryReads(): void {
    this.#isRetryingReads = true;
    this.clock.at(this.clock.now() + READ_RETRY_MS, () => {
      this.#isRetryingReads = false;
      this.reads.wake();
      this.schedule();
    });
  }

  #load(range: { readonly from: LogIndex; readonly to: LogIndex }): void {
    const { log, raftLimits } = this.#options.node;
    log.read({ ...range, bytesMax: raftLimits.cacheBytesMax / 4 }, (result) => {
      if (result.ok) this.submit({ kind: "entries-loaded", now: this.clock.now(), entries: result.value });
      else if (result.error.kind !== "damaged" || !this.#purge(range.from, result.error.message)) {
        this.distrust(result.error.message);
      }
    });
  }

  /**
   * What is applied here and in a snapshot is not needed: whoever lacks it gets the snapshot. Of several the oldest that
   * will do, so that the log goes on from as far back as it can. False: the entry is needed.
   */
  #purge(damaged: LogIndex, reason: string): boolean {
    const { snapshots, note } = this.#options.node;
    const meta = snapshots.list().find(({ index }) => index >= damaged);
    if (meta === undefined || this.applied < damaged) return false;
    note(`The log is damaged (${reason}): what the snapshot at index ${meta.index} contains is removed`);
    const now = this.clock.now();
    this.submit({ kind: "snapshot-taken", now, meta, compactTo: meta.index });
    this.submit({ kind: "entries-loaded", now, entries: [] });
    return true;
  }

  #onObservation(observation: Effects["observe"][number]): void {
    if (observation.kind === "truncated") this.proposals.onTruncated(observation.from);
    if (observation.kind === "membership") {
      this.#options.node.transport.setMembers([...observation.membership.members.values()]);
    }
    if (observation.kind === "role") {
      this.#leadership.onRole(observation.role === "leader", observation.term, this.clock.now());
    }
    this.#options.observers.onObservation(observation);
    if (observation.kind === "diverged") {
      this.halt(
        `The log of ${observation.peer} and this node's differ at index ${observation.index}, term ${observation.term}, ` +
          "although both claim the same entry there. Nothing was changed",
      );
    }
    if (observation.kind === "version-unknown") {
      this.halt(tooNewFor(observation.version, this.#options.node.commandVersion));
    }
  }

  #installWhenDurable(ticket: number): void {
    const install = this.#install;
    if (install === undefined || install.ticket > ticket) return;
    this.#install = undefined;
    this.proposals.onJump(install.meta.index);
    this.exchange.install(install.meta, () => {
      this.#applier.isPaused = false;
      this.#options.observers.onApplied(this.applied);
      this.schedule();
    });
  }
}

import { fromUtf8, type BootId, type Clock, type MemberKey, type Prng, type Timer } from "../../src/base/index.ts";
import {
  DEFAULT_NODE_LIMITS,
  openRaftNode,
  type Identity,
  type NodeRefusal,
  type RaftNode,
  type StateMachine,
} from "../../src/node/index.ts";
import type { CoreStatus, Entry, Message } from "../../src/raft/index.ts";
import { SimulatedTransport } from "./network/simulated-transport.ts";
import { createFullNode, type FullNode } from "./registry/full-node.ts";
import { checkContact } from "./invariants/silent-leader.ts";
import type { Machine, Running, Stage } from "./stage.ts";
import { ViolationFound } from "./violation.ts";
import { createKonsulMachine, type KonsulMachine } from "./workload/konsul-machine.ts";
import { TinyMachine, type SimulatedMachine } from "./workload/tiny-machine.ts";

/** Thrown to unwind the stack of a process that a trap killed in the middle of something. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

const CLOSE_TOGETHER_MS = 50;

interface ProcessSetup {
  readonly boot: BootId;
  readonly random: Prng;
  readonly isDialing?: boolean;
  readonly onStarted?: () => void;
}

/** One start of one node: the real driver over simulated ports. */
export class Process implements Running {
  readonly host: Machine;
  readonly key: MemberKey;
  readonly boot: BootId;
  /** Of the release that this process is of, whatever is installed meanwhile. */
  readonly commandVersion: number;
  readonly machine: SimulatedMachine;
  /** What stands above the node, where the run is about that too. */
  full: FullNode | undefined;
  readonly transport: SimulatedTransport;
  readonly durable: Machine["log"]["image"];
  readonly #world: Stage;
  readonly #random: Prng;
  readonly #konsul: KonsulMachine | undefined;
  #node: RaftNode | undefined;
  #isAlive = true;
  #backlog: (() => void)[] | undefined;
  #pausedUntil = 0;
  #isInstalling = false;
  /** When keys of the workload were changed last on this node, and at which index. */
  readonly #changes = new Map<string, { readonly index: number; readonly at: number }>();
  /** Commit and applied as last seen: they never fall in one process. */
  #seen = { commit: 0, term: 0 };
  /** What this leader of a term last knew of the others. */
  #matches: { readonly term: number; readonly of: Map<MemberKey, number> } = { term: 0, of: new Map() };
  /** The process of each member that was greeted last, and whose match may fall once: another one says anew what it has. */
  readonly #greeted = new Map<MemberKey, BootId>();
  readonly #restarted = new Set<MemberKey>();
  /** The term that it leads in, as far as it knows. */
  ledTerm: number | undefined;
  candidateTerm = -1;
  candidacies = 0;
  #snapshotAt = -Infinity;
  ledSince = Infinity;
  lastPauseEnd = -Infinity;

  readonly #onStarted: (() => void) | undefined;

  constructor(world: Stage, host: Machine, setup: ProcessSetup) {
    this.#onStarted = setup.onStarted;
    this.#world = world;
    this.host = host;
    this.key = host.key;
    this.boot = setup.boot;
    this.commandVersion = host.commandVersion;
    this.#random = setup.random;
    this.durable = host.log.image;
    this.#konsul = world.options.machine === "tiny" ? undefined : createKonsulMachine();
    this.machine = this.#konsul ?? new TinyMachine(this.commandVersion, () => this.#agreedVersion());
    this.transport = new SimulatedTransport({
      network: world.network,
      gate: this,
      host: host.number,
      key: host.key,
      boot: setup.boot,
      commandVersion: this.commandVersion,
      isDialing: setup.isDialing ?? true,
      startSeq: this.durable.seq,
      durable: this.durable,
      onSend: (message) => this.#onSend(message),
      onReceive: ({ kind }) => {
        if (kind === "append" && this.#isInstalling) world.marks.hit("append while a snapshot is installed");
      },
      onSent: (message) => this.host.traps.onSent(message.kind),
      onGreet: ({ key, boot }) => {
        if (this.#greeted.get(key) !== boot) this.#restarted.add(key);
        this.#greeted.set(key, boot);
      },
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#backlog !== undefined;
  }

  get node(): RaftNode | undefined {
    return this.#isAlive ? this.#node : undefined;
  }

  get applied(): number {
    return this.machine.appliedIndex;
  }

  get oldestSnapshot(): number {
    return this.host.snapshots.list()[0]?.index ?? 0;
  }

  get isInstalling(): boolean {
    return this.#isInstalling;
  }

  status(): CoreStatus | undefined {
    return this.#node?.status().core;
  }

  /** What the members agreed to write, as the agent's replica asks for it. */
  #agreedVersion(): number {
    return this.status()?.committedMembership.clusterVersion ?? 0;
  }

  /** Restores and starts the node over what the disks hold. */
  open(identity: Identity): void {
    const { options } = this.#world;
    const { log, snapshots, traps } = this.host;
    const store = log.open(this, {
      onPersist: (operations) => this.#world.oracle.onPersist(this, operations),
      beforeSync: () => traps.beforeSync(),
      afterSync: () => traps.afterSync(),
    });
    const snapshotStore = snapshots.open(this, {
      onComplete: (meta) => {
        this.#world.oracle.onSnapshot(meta);
        this.#markSnapshot();
        this.#world.marks.hit(meta.origin === "local" ? "snapshot taken" : "snapshot received");
      },
      beforeComplete: () => traps.atSnapshot("write"),
      afterReceive: () => traps.atSnapshot("receive"),
      beforeLoad: () => this.#node !== undefined && traps.atSnapshot("install"),
    });
    openRaftNode(
      {
        self: this.key,
        boot: this.boot,
        identity,
        stored: store.initial,
        clock: this.#clock(),
        log: store,
        snapshots: snapshotStore,
        transport: this.transport,
        machine: this.#watchedMachine(),
        timing: options.timing,
        raftLimits: options.raftLimits,
        limits: DEFAULT_NODE_LIMITS,
        snapshotPolicy: options.snapshotPolicy,
        commandVersion: this.commandVersion,
        random: () => this.#random.float(),
        note: (message) => this.#onNote(message),
      },
      (opened) => {
        if (opened.ok) this.#start(opened.value);
        else this.#onRefused(opened.error);
      },
    );
  }

  #markSnapshot(): void {
    const { marks, scheduler } = this.#world;
    if (scheduler.now - this.#snapshotAt < CLOSE_TOGETHER_MS) marks.hit("two snapshots close together");
    this.#snapshotAt = scheduler.now;
  }

  enter(task: () => void): void {
    if (!this.#isAlive) return;
    if (this.#backlog !== undefined) {
      this.#backlog.push(task);
      return;
    }
    try {
      task();
    } catch (cause) {
      if (cause instanceof ProcessDied) return;
      if (cause instanceof ViolationFound) throw cause;
      const why = cause instanceof Error ? `${cause.message}\n${cause.stack ?? ""}` : String(cause);
      this.#world.fail("nothing throws", `${this.key}: ${why}`);
    }
    this.#world.onStep(this);
  }

  pause(forMs: number): void {
    const { scheduler } = this.#world;
    this.#backlog ??= [];
    this.#pausedUntil = Math.max(this.#pausedUntil, scheduler.now + forMs);
    scheduler.after(forMs, () => {
      if (scheduler.now >= this.#pausedUntil) this.resume();
    });
  }

  resume(): void {
    const backlog = this.#backlog;
    this.#backlog = undefined;
    this.lastPauseEnd = this.#world.scheduler.now;
    for (const task of backlog ?? []) this.enter(task);
  }

  /** Nothing of this process runs from here on. */
  die(): void {
    this.#isAlive = false;
    this.full?.stop();
    this.#backlog = undefined;
    if (this.#isInstalling) this.#world.marks.hit("crash in mid install");
  }

  /** Cheap enough to be done often. */
  checkStatus(): void {
    const status = this.node?.status().core;
    if (status === undefined) return;
    const { term, commit, applied, lastIndex, durableIndex, snapshotIndex } = status;
    const fail = (detail: string): never => this.#world.fail("indexes are in order", `${this.key}: ${detail}`);
    if (commit < this.#seen.commit) fail(`commit falls from ${this.#seen.commit} to ${commit}`);
    if (term < this.#seen.term) fail(`the term falls from ${this.#seen.term} to ${term}`);
    if (applied > commit) fail(`applied ${applied} is beyond commit ${commit}`);
    if (commit > lastIndex) fail(`commit ${commit} is beyond the last index ${lastIndex}`);
    if (durableIndex > lastIndex) fail(`durable ${durableIndex} is beyond the last index ${lastIndex}`);
    if (!this.#isInstalling && snapshotIndex <= applied && applied > durableIndex)
      fail(`applied ${applied} is beyond durable ${durableIndex}`);
    if (snapshotIndex > commit) fail(`snapshot ${snapshotIndex} is beyond commit ${commit}`);
    if (term !== this.#matches.term) this.#matches = { term, of: new Map() };
    for (const { key, match, next } of status.peers) {
      const before = this.#matches.of.get(key) ?? 0;
      if (match < before && !this.#restarted.delete(key)) fail(`the match of ${key} falls from ${before} to ${match}`);
      this.#matches.of.set(key, match);
      if (match >= next) fail(`the match ${match} of ${key} is not below next ${next}`);
    }
    this.#seen = { commit, term };
  }

  /** Without space the process ends, and whoever started it starts it again. */
  #onRefused({ kind, message }: NodeRefusal): void {
    if (this.host.log.isFull) this.host.kill(500, false);
    else if (kind === "damaged" && this.host.isMarred) this.host.onNothingToRestore();
    else this.#world.fail("boots from what is durable", `${this.key} does not start: ${message}`);
  }

  #onNote(message: string): void {
    const { trace, scheduler, marks } = this.#world;
    trace.line(scheduler.now, () => `${this.key} notes: ${message}`);
    if (message.startsWith("The log is damaged")) marks.hit("damaged entries removed when read");
  }

  #start(node: RaftNode): void {
    this.#node = node;
    node.observe({
      onObservation: (observation) => {
        this.#world.oracle.onObservation(this, observation);
        this.#world.onObservation(this, observation);
        // As the agent does.
        if (observation.kind === "distrusted" && observation.reason === "rolled-back") node.distrust("rolled back");
      },
      onCondition: (condition) => {
        this.#world.trace.line(this.#world.scheduler.now, () => `${this.key} is ${JSON.stringify(condition)}`);
        if (condition.kind === "halted") this.#world.fail("no node halts", `${this.key}: ${condition.reason}`);
        if (condition.kind === "untrusted") this.host.onUntrusted(condition.reason);
      },
    });
    if (this.#world.options.machine === "full" && this.#konsul !== undefined) this.#openFull(node, this.#konsul.fsm);
    node.start();
    this.#world.onStarted(this);
    this.#onStarted?.();
  }

  /** When the key was changed after this index on this node, in simulated ms; undefined: it was not. */
  changedAt(key: Uint8Array, index: number): number | undefined {
    const change = this.#changes.get(fromUtf8(key));
    return change !== undefined && change.index > index ? change.at : undefined;
  }

  #openFull(node: RaftNode, fsm: KonsulMachine["fsm"]): void {
    const { deadlineMs } = this.#world.options.workload;
    this.full = createFullNode(this, { node, fsm, clock: this.#clock(), requestTimeoutMs: deadlineMs });
    fsm.changes.onChange((change) => {
      if (change.kind !== "reset" && change.table === "kv") {
        this.#changes.set(fromUtf8(change.key), { index: change.index, at: this.#world.scheduler.now });
      }
      this.#world.ledger.onChange(change);
    });
  }

  /** Far beyond the lease timeout, whatever was late or paused. */
  #checkContact(): void {
    const { timing, lateTickMsMax } = this.#world.options;
    const { now } = this.#world.scheduler;
    const spanMs = 5 * timing.electionTimeoutMs + 2 * lateTickMsMax + 1000;
    const since = now - spanMs;
    if (this.ledSince > since || this.lastPauseEnd > since) return;
    const membership = this.status()?.membership;
    if (membership === undefined) return;
    const heardWithin = (key: MemberKey): boolean => (this.transport.heardAt.get(key) ?? 0) >= since;
    checkContact(this.key, membership, { heardWithin, fail: this.#world.fail });
  }

  #onSend(message: Message): void {
    if (message.kind === "append" && message.round % 16 === 0) this.#checkContact();
    this.#world.oracle.onSend(this, message);
    this.#world.onSend(this, message);
    this.host.traps.beforeSend(message.kind);
  }

  /** Real timers are late now and then, and a machine's clock runs at its own rate. */
  #clock(): Clock {
    const { scheduler, options } = this.#world;
    const { clock } = this.host;
    const random = this.#random.fork();
    return {
      now: () => clock.now(),
      wall: () => clock.wall(),
      at: (at, task): Timer => {
        const { isCalm } = this.#world.network;
        const isLate = !isCalm && options.lateTickChance > 0 && random.chance(options.lateTickChance);
        const lateMs = isLate ? random.float() * options.lateTickMsMax : 0;
        // A timer that fires a hair early would be armed for ever.
        const delayMs = clock.delayUntil(at) + 0.001 + lateMs;
        return scheduler.after(delayMs, () => this.enter(task));
      },
      defer: (task) => scheduler.soon(() => this.enter(task)),
    };
  }

  #watchedMachine(): StateMachine {
    const { machine } = this;
    const { oracle } = this.#world;
    return {
      apply: (entry: Entry) => {
        const result = machine.apply(entry);
        oracle.onApply(this, entry, {
          stateHash: machine.stateHash(),
          needs: machine.versionOf(entry),
          result,
          at: this.#world.scheduler.now,
        });
        if (this.full !== undefined) this.#world.ledger.onApplied(entry, result);
        return result;
      },
      get appliedIndex() {
        return machine.appliedIndex;
      },
      freeze: () => machine.freeze(),
      restoreStart: () => {
        this.#isInstalling = this.#node !== undefined;
        machine.restoreStart();
      },
      restorePart: (bytes) => machine.restorePart(bytes),
      restoreEnd: (meta) => {
        machine.restoreEnd(meta);
        this.#isInstalling = false;
        if (this.#node !== undefined) {
          this.#world.marks.hit("snapshot installed");
          oracle.onInstalled(this, meta.index);
        }
        oracle.onRestored(this, meta.index, machine.stateHash());
      },
      stateHash: () => machine.stateHash(),
    };
  }
}

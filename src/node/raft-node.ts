import { err, ok, type BootId, type LogIndex, type MemberKey, type Result, type Timer } from "../base/index.ts";
import { createCore, type MembershipChange, type RaftEvent } from "../raft/index.ts";
import { recover, type Recovered } from "./boot.ts";
import { tooNewFor, versionIn } from "./cluster-version.ts";
import type {
  ChangeOutcome,
  NodeCondition,
  NodeObserver,
  NodeRefusal,
  NodeStatus,
  ProposeOutcome,
  RaftNode,
  ReadOutcome,
  SnapshotOutcome,
} from "./node-types.ts";
import { Observers } from "./observers.ts";
import type { RaftNodeOptions, RunningOptions } from "./options.ts";
import { createReceiver } from "./peer-receiver.ts";
import { shutDown } from "./shutdown.ts";
import { Turn } from "./turn.ts";

/** How often waiting callers are looked at for their deadline. */
const EXPIRE_EVERY_MS = 100;

/** Restores the state machine from its newest whole snapshot and puts the core on top of the log. */
export function openRaftNode(options: RaftNodeOptions, done: (result: Result<RaftNode, NodeRefusal>) => void): void {
  const version = versionIn(options);
  if (version > options.commandVersion) {
    return done(err({ kind: "unusable", message: tooNewFor(version, options.commandVersion) }));
  }
  recover(options, (recovered) => {
    if (!recovered.ok) return done(err({ kind: "damaged", message: recovered.error }));
    const { snapshot, mustReset } = recovered.value;
    if (!mustReset || snapshot === undefined) return done(ok(new Node(options, recovered.value)));
    options.note(`Finishing the installation of snapshot ${snapshot.id}, which a crash had cut off`);
    // The crash may have come before the term of that leader was durable here.
    const { hard: known } = options.stored;
    const hard = known.term < snapshot.term ? { term: snapshot.term, vote: undefined } : known;
    options.log.persist([{ ticket: 0, reset: snapshot, hard }], snapshot.index, (result) => {
      if (!result.ok) return done(err({ kind: "unusable", message: result.error.message }));
      const { index, term, chain, time } = snapshot;
      const base = { index, term, chain, time };
      const { identity, commitHint } = options.stored;
      const stored = { identity, commitHint, hard, base, entries: [], seq: result.value.seq };
      done(ok(new Node({ ...options, stored }, recovered.value)));
    });
  });
}

/** The public face of this process's Raft node: takes requests, tells its condition, starts and stops the turn. */
class Node implements RaftNode {
  readonly #options: RunningOptions;
  readonly #observers = new Observers();
  readonly #turn: Turn;
  #condition: NodeCondition = { kind: "starting" };
  #leaderCommit: LogIndex = 0;
  #expireTimer: Timer | undefined;

  constructor({ stored, ...options }: RaftNodeOptions, recovered: Recovered) {
    const { clock } = options;
    this.#options = options;
    const core = createCore({
      self: options.self,
      boot: options.boot,
      clusterId: options.identity.clusterId,
      epoch: options.identity.epoch,
      hard: stored.hard,
      seq: stored.seq,
      log: stored,
      snapshot: recovered.snapshot,
      applied: options.machine.appliedIndex,
      commitHint: stored.commitHint,
      timing: options.timing,
      limits: options.raftLimits,
      commandVersion: options.commandVersion,
      random: options.random,
      now: clock.now(),
    });
    this.#turn = new Turn({
      node: options,
      core,
      observers: this.#observers,
      commit: recovered.snapshot?.index ?? 0,
      canStep: () => this.#condition.kind === "running" || this.#condition.kind === "stopped",
      distrust: (reason) => this.#fail({ kind: "untrusted", reason }),
      halt: (reason) => this.#fail({ kind: "halted", reason }),
    });
  }

  start(): void {
    const { transport, clock } = this.#options;
    const turn = this.#turn;
    this.#setCondition({ kind: "running" });
    transport.start(
      createReceiver({
        driver: turn,
        onLeaderCommit: (commit) => {
          this.#leaderCommit = Math.max(this.#leaderCommit, commit);
        },
        isOverdue: () => turn.wakeup.isDue(),
        onOverdue: () => turn.run(),
        onChunk: (chunk, resume) => turn.exchange.onChunk(chunk, resume),
      }),
    );
    transport.setMembers([...turn.core.status().membership.members.values()]);
    turn.taker.start();
    this.#expireLater();
    turn.submit({ kind: "tick", now: clock.now() });
  }

  propose(command: Uint8Array, deadline: number, done: (outcome: ProposeOutcome) => void, trace?: string): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#options.clock.defer(() => done({ kind: "refused", refusal }));
    this.#turn.proposals.add(command, deadline, done, trace);
    this.#turn.schedule();
  }

  readPoint(deadline: number, done: (outcome: ReadOutcome) => void): void {
    if (this.#condition.kind !== "running") return this.#options.clock.defer(() => done(this.#refusedRead()));
    this.#turn.reads.add(deadline, done);
    this.#turn.schedule();
  }

  waitApplied(index: LogIndex, deadline: number, done: (isApplied: boolean) => void): void {
    const isApplied = index <= this.#turn.applied;
    if (isApplied || this.#condition.kind !== "running") return this.#options.clock.defer(() => done(isApplied));
    this.#turn.reads.addApplyWaiter({ index, deadline, done });
  }

  change(
    request: { readonly changes: readonly MembershipChange[]; readonly expectIndex?: LogIndex },
    deadline: number,
    done: (outcome: ChangeOutcome) => void,
  ): void {
    const now = this.#options.clock.now();
    this.#operate(deadline, done, (id) => ({ kind: "change", now, request: id, ...request }));
  }

  transfer(to: MemberKey | undefined, deadline: number, done: (outcome: ChangeOutcome) => void): void {
    const now = this.#options.clock.now();
    const target = to === undefined ? {} : { to };
    this.#operate(deadline, done, (id) => ({ kind: "transfer", now, request: id, ...target }));
  }

  holdPromotions(until: number): void {
    const { kind } = this.#condition;
    // Before the start as well: a node alone leads at once. What does not run any more takes no events.
    if (kind !== "starting" && kind !== "running") return;
    this.#turn.submit({ kind: "hold-promotions", now: this.#options.clock.now(), until });
  }

  takeSnapshot(done: (outcome: SnapshotOutcome) => void): void {
    if (this.#condition.kind === "running") this.#turn.taker.take(done);
    else this.#options.clock.defer(() => done({ kind: "failed", reason: "this node is not running" }));
  }

  status(): NodeStatus {
    const core = this.#turn.core.status();
    return {
      condition: this.#condition,
      core,
      isDiskFull: this.#turn.disk.isFull,
      self: this.#options.self,
      leaderCommit: Math.max(core.commit, this.#leaderCommit),
      now: this.#options.clock.now(),
    };
  }

  logSizeBytes(): number {
    return this.#options.log.sizeBytes();
  }

  onConfession({ key, boot }: { readonly key: MemberKey; readonly boot: BootId }): void {
    this.#turn.submit({ kind: "confession", now: this.#options.clock.now(), key, boot });
  }

  distrust(reason: string): void {
    this.#fail({ kind: "untrusted", reason });
  }

  observe(observer: NodeObserver): void {
    this.#observers.add(observer);
  }

  stop(deadline: number, done: () => void): void {
    if (this.#condition.kind === "stopped") return this.#options.clock.defer(done);
    const wasRunning = this.#condition.kind === "running";
    const turn = this.#turn;
    this.#setCondition({ kind: "stopped" });
    turn.taker.stop();
    shutDown(
      {
        clock: this.#options.clock,
        isDrained: () => !wasRunning || (turn.proposals.isEmpty && turn.reads.isEmpty && turn.operations.isEmpty),
        handOver: () => turn.submit({ kind: "stop", now: this.#options.clock.now() }),
        hasHandedOver: () => !wasRunning || turn.core.status().role !== "leader" || this.#isAlone(),
        isPersisted: () => !wasRunning || turn.disk.isIdle,
        close: (closed) => this.#close(closed),
      },
      deadline,
      done,
    );
  }

  #isAlone(): boolean {
    const { voters, outgoing } = this.#turn.core.status().membership;
    return voters.length <= 1 && outgoing.length === 0;
  }

  #refusal(): Extract<ProposeOutcome, { kind: "refused" }>["refusal"] | undefined {
    const condition = this.#condition;
    if (condition.kind === "running") return undefined;
    if (condition.kind === "untrusted" || condition.kind === "halted") {
      return { kind: "untrusted", reason: condition.reason };
    }
    return { kind: "stopping" };
  }

  #refusedRead(): ReadOutcome {
    const condition = this.#condition;
    if (condition.kind === "untrusted" || condition.kind === "halted") {
      return { kind: "untrusted", reason: condition.reason };
    }
    return { kind: "stopping" };
  }

  #operate(deadline: number, done: (outcome: ChangeOutcome) => void, event: (request: number) => RaftEvent): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#options.clock.defer(() => done({ kind: "refused", refusal }));
    const request = this.#turn.nextRequest();
    this.#turn.operations.add(request, deadline, done);
    this.#turn.submit(event(request));
  }

  #expireLater(): void {
    const { clock } = this.#options;
    const turn = this.#turn;
    this.#expireTimer = clock.at(clock.now() + EXPIRE_EVERY_MS, () => {
      const now = clock.now();
      turn.proposals.expire(now, turn.givenUpTerm());
      turn.operations.expire(now);
      for (const request of turn.reads.expire(now, turn.core.leader !== undefined)) {
        turn.submit({ kind: "cancel-read", now, request });
      }
      this.#expireLater();
    });
  }

  #setCondition(condition: NodeCondition): void {
    this.#condition = condition;
    this.#observers.onCondition(condition);
  }

  #fail(condition: Extract<NodeCondition, { kind: "untrusted" | "halted" }>): void {
    if (this.#condition.kind === "untrusted" || this.#condition.kind === "halted") return;
    const turn = this.#turn;
    turn.taker.stop();
    turn.wakeup.cancel();
    this.#setCondition(condition);
    // The callers are answered outside of the step that failed.
    this.#options.clock.defer(() => {
      turn.proposals.failAll(condition.reason, { kind: "untrusted", reason: condition.reason });
      turn.reads.failAll({ kind: "untrusted", reason: condition.reason });
      turn.operations.failAll(condition.reason);
    });
  }

  #close(closed: () => void): void {
    const { transport, snapshots, log } = this.#options;
    const turn = this.#turn;
    this.#expireTimer?.cancel();
    turn.wakeup.cancel();
    turn.gathering.cancel();
    turn.proposals.failAll("this node stopped", { kind: "stopping" });
    turn.reads.failAll({ kind: "stopping" });
    turn.operations.failAll("this node stopped");
    transport.stop(() => snapshots.close(() => log.close(closed)));
  }
}

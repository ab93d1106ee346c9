import type { MemberKey } from "../../../src/base/index.ts";
import type { ChangeOutcome, ProposeOutcome, ReadOutcome } from "../../../src/node/index.ts";
import type { CoreStatus, Member, MembershipChange, Message } from "../../../src/raft/index.ts";
import type { Host } from "../host.ts";
import { checkLiveness, healAll } from "../liveness.ts";
import type { Caller } from "../stage.ts";
import { Trace } from "../trace.ts";
import { encodeWrite } from "../workload/command.ts";
import { Operator } from "../workload/operator.ts";
import { World } from "../world.ts";
import { calmOptions, type SceneSetup } from "./calm-options.ts";

const FOREVER_MS = 1e9;
const PATIENCE_MS = 20_000;
/** Enough for a heartbeat and its answers. */
const ROUND_MS = 200;

/** An answer that may still be missing. */
export interface Pending<T> {
  answer: T | undefined;
  /** Simulated ms. */
  at: number;
}

/** While it waits, the world probes whether it is served. */
class Onlooker implements Caller {
  isStopped = false;

  stop(): void {
    this.isStopped = true;
  }

  onDied(): void {
    // It asks nothing itself.
  }

  isReadingFrom(): boolean {
    return false;
  }
}

/** A schedule, played step by step over the simulated world. All invariants hold after every event, or the scene fails. */
export class Scene {
  readonly world: World;
  /** What left any process, oldest first. */
  readonly sent: Message[] = [];

  constructor(setup: SceneSetup) {
    this.world = new World(calmOptions(setup), new Trace());
    const onSend = this.world.onSend.bind(this.world);
    this.world.onSend = (process, message) => {
      this.sent.push(message);
      onSend(process, message);
    };
    this.world.start();
  }

  get now(): number {
    return this.world.scheduler.now;
  }

  host(number: number): Host {
    const host = this.world.hosts[number];
    if (host === undefined) throw new RangeError(`There must be a host ${number}`);
    return host;
  }

  /** Machines other than these. */
  others(...numbers: readonly number[]): Host[] {
    return this.world.hosts.filter(({ number }) => !numbers.includes(number));
  }

  status(number: number): CoreStatus {
    const status = this.host(number).process?.status();
    if (status === undefined) throw new RangeError(`The node ${number} must run`);
    return status;
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    this.world.scheduler.run(this.now + ms, () => false);
  }

  /** Stops right after the event that makes it so. @throws when it is not in time */
  until(what: string, isSo: () => boolean, withinMs = PATIENCE_MS): void {
    this.world.scheduler.run(this.now + withinMs, isSo);
    if (!isSo()) throw new Error(`${what}: not within ${withinMs} ms`);
  }

  /** Waits until one of these leads with an entry of its own committed; the number of its machine. */
  elect(among: readonly Host[] = this.world.hosts, withinMs = PATIENCE_MS): number {
    let found: number | undefined;
    const leads = (): boolean => {
      const leader = among.find(({ process }) => {
        const status = process?.ledTerm === undefined || process.isPaused ? undefined : process.status();
        return status?.role === "leader" && status.commit === status.lastIndex && status.lastTerm === status.term;
      });
      found = leader?.number;
      return found !== undefined;
    };
    this.until(`one of ${among.map(({ id }) => id).join(", ")} leads`, leads, withinMs);
    return found ?? -1;
  }

  /** Makes this machine the leader, by asking whoever leads, and lets everybody answer it. */
  lead(number: number): void {
    const elected = this.elect();
    if (elected !== number) {
      const { process, clock } = this.host(elected);
      process?.enter(() => process.node?.transfer(this.host(number).key, clock.now() + 5000, () => undefined));
      this.elect([this.host(number)]);
    }
    this.run(ROUND_MS);
  }

  write(number: number, deadlineMs = 60_000): Pending<ProposeOutcome> {
    const pending: Pending<ProposeOutcome> = { answer: undefined, at: Infinity };
    const { process, clock } = this.host(number);
    const value = this.world.nextValue();
    const command = encodeWrite({ kind: "put", key: value % 8, value });
    process?.enter(() =>
      process.node?.propose(command, clock.now() + deadlineMs, (answer) => {
        this.#settle(pending, answer);
        if (answer.kind === "refused") this.world.onRefused(value);
        if (answer.kind !== "applied") return;
        this.world.onAcknowledged({ index: answer.index, term: answer.term, command, by: process.key });
      }),
    );
    return pending;
  }

  /** A write that is acknowledged. */
  mustWrite(number: number, count = 1): void {
    const pending = Array.from({ length: count }, () => this.write(number));
    this.until(`n${number} acknowledges ${count} writes`, () => pending.every(({ answer }) => answer !== undefined));
    const failed = pending.find(({ answer }) => answer?.kind !== "applied");
    if (failed !== undefined) throw new Error(`A write must be acknowledged: it is ${JSON.stringify(failed.answer)}`);
  }

  /** A linearizable read; one that is served must see all that was acknowledged before it was asked. */
  read(number: number, deadlineMs = 60_000): Pending<ReadOutcome> {
    const pending: Pending<ReadOutcome> = { answer: undefined, at: Infinity };
    const { process, clock } = this.host(number);
    const floor = this.world.ackedIndex;
    process?.enter(() =>
      process.node?.readPoint(clock.now() + deadlineMs, (answer) => {
        this.#settle(pending, answer);
        if (answer.kind !== "ready" || process.applied >= floor) return;
        const detail = `${process.key} reads at ${process.applied}, acknowledged before was ${floor}`;
        this.world.fail("reads are linearizable", detail);
      }),
    );
    return pending;
  }

  change(number: number, ...changes: readonly MembershipChange[]): Pending<ChangeOutcome> {
    const pending: Pending<ChangeOutcome> = { answer: undefined, at: Infinity };
    const { process, clock } = this.host(number);
    process?.enter(() =>
      process.node?.change({ changes }, clock.now() + 10_000, (answer) => this.#settle(pending, answer)),
    );
    return pending;
  }

  /** A change that is done, or refused. */
  changed(number: number, ...changes: readonly MembershipChange[]): ChangeOutcome["kind"] {
    const pending = this.change(number, ...changes);
    this.until("the change is answered", () => pending.answer !== undefined);
    return pending.answer?.kind ?? "unknown";
  }

  member(number: number): Member {
    return this.host(number).member();
  }

  key(number: number): MemberKey {
    return this.host(number).key;
  }

  /** Links between these machines and all others carry nothing until `heal`. */
  isolate(...numbers: readonly number[]): void {
    this.cut((from, to) => numbers.includes(from) !== numbers.includes(to));
  }

  cut(blocks: (from: number, to: number) => boolean): void {
    this.world.network.links.cut(blocks, FOREVER_MS, false);
  }

  heal(): void {
    this.world.network.links.heal();
  }

  /** kill -9; back only by `restart`. */
  crash(number: number, isPowerCut = false): void {
    this.host(number).kill(FOREVER_MS, isPowerCut);
  }

  /** The disk is empty, and the machine waits for `restart` as a new incarnation. */
  wipe(number: number): void {
    this.host(number).wipe(FOREVER_MS);
  }

  restart(number: number): void {
    this.host(number).start();
  }

  /** From here on somebody brings every machine to the role that it should have. */
  hireOperator(): void {
    new Operator(this.world, this.world.random.fork()).start();
  }

  /** All faults end: the cluster must serve, agree on everything, and have lost nothing. */
  finish(): void {
    healAll(this.world);
    this.hireOperator();
    this.world.clients = [new Onlooker()];
    checkLiveness(this.world);
  }

  #settle<T>(pending: Pending<T>, answer: T): void {
    pending.answer = answer;
    pending.at = this.now;
  }
}

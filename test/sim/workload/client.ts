import type { Prng } from "../../../src/base/index.ts";
import type { Host } from "../host.ts";
import type { Caller, Running } from "../stage.ts";
import type { World } from "../world.ts";
import type { KvWrite } from "./command.ts";
import type { Asked, Told } from "./history.ts";

/** One operation on its way. */
interface Call {
  readonly asked: Asked;
  readonly from: number;
  /** Everything that was acknowledged to anyone when it was asked. */
  readonly floor: number;
  readonly process: Running;
  /** A live node has answered by then. */
  dueAt: number;
  isOver: boolean;
}

const PATIENCE_MS = 20_000;

/** One client with one operation at a time. It never repeats a write on its own. */
export class Client implements Caller {
  readonly #world: World;
  readonly #random: Prng;
  #name: number;
  /** As it was called first, whatever it is called later. */
  readonly #number: number;
  /** Operations that it thought of. */
  #count = 0;
  #host: number;
  readonly #knownIndex = new Map<number, number>();
  #call: Call | undefined;
  #isWatching = false;
  #isStopped = false;

  constructor(world: World, random: Prng) {
    this.#world = world;
    this.#random = random;
    this.#name = world.history.newClient();
    this.#number = this.#name;
    this.#host = random.between(0, world.options.hostCount);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  start(): void {
    const { thinkMsMin, thinkMsMax } = this.#world.options.workload;
    const waitMs = thinkMsMin + this.#random.float() * (thinkMsMax - thinkMsMin);
    this.#world.scheduler.after(waitMs, () => {
      if (this.#isStopped) return;
      const asked = this.#next();
      this.#count += 1;
      if (this.#world.asks.take(this.#number, this.#count)) this.#ask(asked, () => this.start());
      else this.start();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Asks at once; `done` follows exactly once. */
  ask(asked: Asked, done: (told: Told | undefined) => void): void {
    this.#ask(asked, done);
  }

  isReadingFrom(process: Running): boolean {
    return this.#call?.process === process && this.#call.asked.kind === "get";
  }

  /** The process that this client talked to is gone: what it was asked may have happened. */
  onDied(process: Running): void {
    const call = this.#call;
    if (call === undefined || call.process !== process) return;
    if (call.asked.kind === "get") this.#world.marks.hit("read pending at crash");
    this.#settle(call, undefined);
    this.#finish?.(undefined);
  }

  #finish: ((told: Told | undefined) => void) | undefined;

  #next(): Asked {
    const { keyCount, readShare, casShare } = this.#world.options.workload;
    const key = this.#random.between(0, keyCount);
    if (this.#random.chance(readShare)) return { kind: "get", key };
    const value = this.#world.nextValue();
    if (!this.#random.chance(casShare)) return { kind: "put", key, value };
    return { kind: "cas", key, value, expected: this.#knownIndex.get(key) ?? 0 };
  }

  #pick(): Host | undefined {
    const { strayChance } = this.#world.options.workload;
    const leader = this.#world.leader();
    if (leader !== undefined && !this.#random.chance(strayChance)) return this.#world.hosts[leader.host.number];
    if (this.#random.chance(0.5)) this.#host = this.#random.between(0, this.#world.options.hostCount);
    return this.#world.hosts[this.#host];
  }

  #ask(asked: Asked, done: (told: Told | undefined) => void): void {
    const { scheduler } = this.#world;
    const process = this.#pick()?.process;
    const from = scheduler.now;
    const floor = this.#world.ackedIndex;
    scheduler.after(this.#random.float() * 2, () => {
      if (process === undefined || !process.isAlive || process.node === undefined) {
        // Refused before a byte was taken: it surely did not happen.
        scheduler.after(5, () => done(undefined));
        return;
      }
      const call: Call = { asked, from, floor, process, dueAt: Infinity, isOver: false };
      this.#call = call;
      this.#finish = done;
      process.enter(() => this.#submit(call));
      this.#watch(call);
    });
  }

  #submit(call: Call): void {
    const { process, asked } = call;
    const { node } = process;
    if (node === undefined) return this.#answer(call, "nothing");
    const deadline = process.host.clock.now() + this.#world.options.workload.deadlineMs;
    let isAnswered = false;
    const once = (told: Told | undefined | "nothing"): void => {
      if (isAnswered) this.#world.fail("answered once", `${process.key} answers ${JSON.stringify(asked)} twice`);
      isAnswered = true;
      this.#answer(call, told);
    };
    if (asked.kind === "get") node.readPoint(deadline, (outcome) => once(this.#read(call, outcome.kind)));
    else this.#propose(call, asked, once);
  }

  #propose(call: Call, asked: KvWrite, once: (told: Told | undefined | "nothing") => void): void {
    const { process } = call;
    const deadline = process.host.clock.now() + this.#world.options.workload.deadlineMs;
    const command = process.machine.encode(asked);
    process.node?.propose(command, deadline, (outcome) => {
      if (outcome.kind === "refused") {
        this.#world.onRefused(asked.value);
        if (outcome.refusal.kind === "overloaded") this.#world.marks.hit("proposal refused as overloaded");
        this.#world.transferEnds.onRefusal(process, outcome.refusal.kind);
        return once("nothing");
      }
      if (outcome.kind === "unknown") {
        this.#world.marks.hit("proposal unknown");
        return once(undefined);
      }
      this.#world.onAcknowledged({ index: outcome.index, term: outcome.term, command, by: process.key });
      const result = process.machine.resultOf(outcome.result);
      once({ kind: "write", result });
    });
  }

  /** The read is done here and now: this very state is what was promised. */
  #read(call: Call, outcome: string): Told | undefined {
    const { process, asked, floor } = call;
    if (outcome !== "ready") {
      this.#world.marks.hit("read retried");
      return undefined;
    }
    if (process.machine.appliedIndex < floor) {
      this.#world.fail(
        "reads are linearizable",
        `${process.key} reads at ${process.machine.appliedIndex}, acknowledged before the read was ${floor}`,
      );
    }
    this.#world.onRead(process.machine.appliedIndex);
    return { kind: "read", row: process.machine.readKey(asked.key) };
  }

  #answer(call: Call, told: Told | undefined | "nothing"): void {
    this.#world.scheduler.after(this.#random.float() * 2, () => {
      if (call.isOver) return;
      if (told === "nothing") {
        call.isOver = true;
        this.#call = undefined;
        this.#finish?.(undefined);
        return;
      }
      this.#settle(call, told);
      this.#finish?.(told);
    });
  }

  #settle(call: Call, told: Told | undefined): void {
    call.isOver = true;
    this.#call = undefined;
    const { history, scheduler } = this.#world;
    history.add(this.#name, call.asked, { from: call.from, to: scheduler.now, told });
    if (told === undefined) this.#name = history.newClient();
    if (told?.kind === "read") this.#knownIndex.set(call.asked.key, told.row?.index ?? 0);
    if (told?.kind === "write" && told.result.kind === "written") {
      this.#knownIndex.set(call.asked.key, told.result.index);
    }
  }

  /** A live node that runs answers everything, whatever happens. One timer a client: nearly all calls end long before. */
  #watch(call: Call): void {
    const { scheduler, options } = this.#world;
    call.dueAt = scheduler.now + options.workload.deadlineMs * 1.1 + PATIENCE_MS;
    if (!this.#isWatching) this.#watchUntil(call.dueAt);
  }

  #watchUntil(at: number): void {
    this.#isWatching = true;
    this.#world.scheduler.at(at, () => {
      this.#isWatching = false;
      const call = this.#call;
      if (call === undefined) return;
      if (call.dueAt > at) this.#watchUntil(call.dueAt);
      else this.#checkAnswered(call);
    });
  }

  #checkAnswered({ asked, process }: Call): void {
    if (!process.isAlive || process.isPaused || this.#isStopped || this.#world.wasPausedLately(process)) return;
    this.#world.fail("every request is answered", `${process.key} never answers ${JSON.stringify(asked)}`);
  }
}

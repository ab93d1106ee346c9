import type { Prng } from "../../../src/base/index.ts";
import type { Process } from "../process.ts";
import type { Caller, Running } from "../stage.ts";
import type { World } from "../world.ts";
import type { FullNode } from "./full-node.ts";

/** A client gives up waiting after this many request timeouts. */
const PATIENCE = 2;

/** A client of the whole application, as a coroutine over simulated time; it does one thing at a time. */
export abstract class Tenant implements Caller {
  protected readonly world: World;
  protected readonly random: Prng;
  #isStopped = false;
  #kept: Process | undefined;
  #pending: { readonly process: Running; readonly give: (value: undefined) => void } | undefined;

  constructor(world: World, random: Prng) {
    this.world = world;
    this.random = random;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  start(): void {
    void this.#follow(this.#loop(), () => undefined);
  }

  stop(): void {
    this.#isStopped = true;
  }

  onDied(process: Running): void {
    if (this.#pending?.process === process) this.#pending.give(undefined);
  }

  isReadingFrom(): boolean {
    return false;
  }

  /** One round of what this client does. */
  protected abstract round(): Promise<void>;

  protected get now(): number {
    return this.world.scheduler.now;
  }

  protected async wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.world.scheduler.after(ms, resolve));
  }

  /** Asks a node, the leader as a rule; undefined: no answer, and what was asked may have happened. */
  protected async ask<T>(run: (full: FullNode, process: Process) => Promise<T>, stray = 0.2): Promise<T | undefined> {
    const { world, random } = this;
    const leader = world.leader();
    const anyone = random.pick(world.hosts).process;
    // As over a connection that is kept: also to a leader that is none any more and does not know it yet.
    const kept = this.#kept?.isAlive === true && random.chance(0.5) ? this.#kept : leader;
    const process = kept === undefined || random.chance(stray) ? anyone : kept;
    this.#kept = kept;
    await this.wait(random.float() * 2);
    const full = process?.full;
    if (process === undefined || !process.isAlive || full === undefined) {
      await this.wait(20);
      return undefined;
    }
    const answer = await new Promise<T | undefined>((resolve) => {
      this.#pending = { process, give: resolve };
      const patience = world.scheduler.after(PATIENCE * world.options.workload.deadlineMs + 5000, () =>
        resolve(undefined),
      );
      process.enter(() => {
        void this.#follow(run(full, process), (value) => {
          patience.cancel();
          resolve(value);
        });
      });
    });
    this.#pending = undefined;
    await this.wait(random.float() * 2);
    return answer;
  }

  /** What the code under test throws is a finding. */
  async #follow<T>(running: Promise<T>, give: (value: T) => void): Promise<void> {
    try {
      give(await running);
    } catch (cause) {
      this.world.violation ??= { rule: "nothing throws", detail: describe(cause), at: this.now };
    }
  }

  async #loop(): Promise<void> {
    while (!this.#isStopped) await this.round();
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}\n${cause.stack ?? ""}` : String(cause);
}

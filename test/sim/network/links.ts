import type { Prng } from "../../../src/base/index.ts";
import type { Scheduler } from "../scheduler.ts";
import type { NetworkOptions } from "../swarm.ts";

/** Links that carry nothing for a while. */
interface Cut {
  readonly blocks: (from: number, to: number) => boolean;
  readonly until: number;
  /** What waits for the end of the cut, as in a TCP connection that survives it. */
  readonly held: (() => void)[] | undefined;
}

interface Slowness {
  readonly host: number;
  readonly extraMs: number;
  readonly until: number;
}

/** Which machine can reach which, and how fast. One-way cuts are as common as whole ones. */
export class Links {
  readonly #scheduler: Scheduler;
  readonly #options: NetworkOptions;
  readonly #random: Prng;
  #cuts: Cut[] = [];
  #slow: Slowness[] = [];

  constructor(scheduler: Scheduler, options: NetworkOptions, random: Prng) {
    this.#scheduler = scheduler;
    this.#options = options;
    this.#random = random;
  }

  latency(from: number, to: number): number {
    const { latencyMsMin, latencyMsMax } = this.#options;
    let ms = latencyMsMin + this.#random.float() * (latencyMsMax - latencyMsMin);
    for (const slow of this.#slow) {
      if (slow.until > this.#scheduler.now && (slow.host === from || slow.host === to)) ms += slow.extraMs;
    }
    return ms;
  }

  isBlocked(from: number, to: number): boolean {
    return this.#cutBetween(from, to) !== undefined;
  }

  /** Delivers at the end of the cut what a connection would keep; false: it is lost. */
  holdIfCut(from: number, to: number, deliver: () => void): "open" | "held" | "lost" {
    const cut = this.#cutBetween(from, to);
    if (cut === undefined) return "open";
    if (cut.held === undefined || cut.held.length > 200) return "lost";
    cut.held.push(deliver);
    return "held";
  }

  /** Ends after its time, or when the result is called. */
  cut(blocks: (from: number, to: number) => boolean, forMs: number, isHeld: boolean): () => void {
    const held: (() => void)[] | undefined = isHeld ? [] : undefined;
    const cut: Cut = { blocks, until: this.#scheduler.now + forMs, held };
    this.#cuts.push(cut);
    this.#scheduler.after(forMs, () => this.#end(cut));
    return () => this.#end(cut);
  }

  slowDown(host: number, extraMs: number, forMs: number): void {
    this.#slow = this.#slow.filter(({ until }) => until > this.#scheduler.now);
    this.#slow.push({ host, extraMs, until: this.#scheduler.now + forMs });
  }

  /** Some link carries nothing at this moment. */
  get isCut(): boolean {
    return this.#cuts.length > 0;
  }

  heal(): void {
    this.#slow = [];
    for (const cut of this.#cuts) this.#end(cut);
  }

  #cutBetween(from: number, to: number): Cut | undefined {
    for (const cut of this.#cuts) if (cut.blocks(from, to)) return cut;
    return undefined;
  }

  #end(cut: Cut): void {
    if (!this.#cuts.includes(cut)) return;
    this.#cuts = this.#cuts.filter((other) => other !== cut);
    for (const deliver of cut.held ?? []) this.#scheduler.after(this.#random.float() * 5, deliver);
  }
}

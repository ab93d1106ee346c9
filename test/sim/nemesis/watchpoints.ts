import type { Message, Observation } from "../../../src/raft/index.ts";
import type { Running } from "../stage.ts";

/** What one process does that others may wait for. */
export type Moment =
  | { readonly kind: "observed"; readonly process: Running; readonly observation: Observation }
  | { readonly kind: "sent"; readonly process: Running; readonly message: Message };

interface Watchpoint {
  readonly until: number;
  /** True: this was it. */
  readonly isIt: (moment: Moment) => boolean;
  readonly strike: (process: Running) => void;
}

/** Lets a nemesis strike at a chosen moment of a process, once; after its time it is forgotten. */
export class Watchpoints {
  readonly #scheduler: { readonly now: number; soon(task: () => void): void };
  #all: Watchpoint[] = [];

  constructor(scheduler: { readonly now: number; soon(task: () => void): void }) {
    this.#scheduler = scheduler;
  }

  /** `strike` runs at the same simulated time, outside of the process. */
  on(forMs: number, isIt: (moment: Moment) => boolean, strike: (process: Running) => void): void {
    this.#all.push({ until: this.#scheduler.now + forMs, isIt, strike });
  }

  clear(): void {
    this.#all = [];
  }

  tell(moment: Moment): void {
    if (this.#all.length === 0) return;
    const { now } = this.#scheduler;
    const hit = this.#all.filter((point) => point.until >= now && point.isIt(moment));
    this.#all = this.#all.filter((point) => point.until >= now && !hit.includes(point));
    for (const { strike } of hit) this.#scheduler.soon(() => strike(moment.process));
  }
}

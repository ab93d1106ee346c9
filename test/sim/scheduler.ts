import type { Timer } from "../../src/base/index.ts";

/** One thing that will happen; cancelled by taking its task away. */
class Happening implements Timer {
  readonly at: number;
  readonly order: number;
  task: (() => void) | undefined;

  constructor(at: number, order: number, task: () => void) {
    this.at = at;
    this.order = order;
    this.task = task;
  }

  cancel(): void {
    this.task = undefined;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Simulated time in ms, and what happens when: a binary heap; at equal times first come, first served. */
export class Scheduler {
  readonly #heap: Happening[] = [];
  /** What happens at this very moment, in order: most of all events, so they stay out of the heap. */
  readonly #soon: (() => void)[] = [];
  #soonAt = 0;
  #order = 0;
  #now = 0;
  #count = 0;
  #countAtMove = 0;
  /** After each event: lets continue what waits for a promise. */
  afterEach: (() => void) | undefined;

  get now(): number {
    return this.#now;
  }

  /** Events that have happened. */
  get count(): number {
    return this.#count;
  }

  at(at: number, task: () => void): Timer {
    const happening = new Happening(Math.max(at, this.#now), this.#order++, task);
    this.#push(happening);
    return happening;
  }

  after(delayMs: number, task: () => void): Timer {
    return this.at(this.#now + delayMs, task);
  }

  /** After all that was made ready before, at the same simulated time. */
  soon(task: () => void): void {
    this.#soon.push(task);
  }

  /** Events since time moved last: a run in which it never does has found a busy loop. */
  get standstill(): number {
    return this.#count - this.#countAtMove;
  }

  /** Lets everything happen up to `until`, or until `isOver`. */
  run(until: number, isOver: () => boolean): void {
    while (!isOver()) {
      const task = this.#next(until);
      if (task === undefined) break;
      this.#count += 1;
      task();
      this.afterEach?.();
    }
    if (!isOver() && Number.isFinite(until)) this.#now = Math.max(this.#now, until);
  }

  #next(until: number): (() => void) | undefined {
    if (this.#soonAt < this.#soon.length) {
      const task = this.#soon[this.#soonAt];
      this.#soonAt += 1;
      if (this.#soonAt === this.#soon.length) {
        // Emptied, not made anew: this happens after nearly every event.
        this.#soon.length = 0;
        this.#soonAt = 0;
      }
      return task;
    }
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (top.task !== undefined && top.at > until) return undefined;
      this.#pop();
      if (top.task === undefined) continue;
      if (top.at > this.#now) this.#countAtMove = this.#count;
      this.#now = top.at;
      return top.task;
    }
    return undefined;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !isBefore(happening, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = at * 2 + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt += 1;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

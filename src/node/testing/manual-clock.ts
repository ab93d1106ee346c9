import type { Clock, Timer } from "../../base/index.ts";

/** A clock that only a test moves. */
export interface ManualClock extends Clock {
  /** Moves on by `ms`, running what becomes due in order; deferred tasks run first. */
  advance(ms: number): void;
}

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export function createManualClock(): ManualClock {
  let now = 0;
  let order = 0;
  const tasks = new Set<Task>();
  const add = (at: number, run: () => void): Timer => {
    const task = { at, order: order++, run };
    tasks.add(task);
    return { cancel: () => void tasks.delete(task) };
  };
  const nextDue = (until: number): Task | undefined => {
    let next: Task | undefined;
    for (const task of tasks) {
      if (task.at > until) continue;
      if (next === undefined || task.at < next.at || (task.at === next.at && task.order < next.order)) next = task;
    }
    return next;
  };
  return {
    now: () => now,
    wall: () => now,
    at: (at, task) => add(Math.max(at, now), task),
    defer: (task) => void add(now, task),
    advance: (ms) => {
      const until = now + ms;
      for (let task = nextDue(until); task !== undefined; task = nextDue(until)) {
        tasks.delete(task);
        now = Math.max(now, task.at);
        task.run();
      }
      now = until;
    },
  };
}

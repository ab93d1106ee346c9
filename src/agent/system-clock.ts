import type { Clock, Timer } from "../base/index.ts";

/** `setTimeout` takes at most this many ms and fires at once above it. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The real time of this process. */
export function createSystemClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    at: (at, task) => schedule(at, task),
    defer: (task) => {
      setImmediate(task);
    },
  };
}

function schedule(at: number, task: () => void): Timer {
  let handle: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const wait = Math.max(0, at - performance.now());
    // Whole milliseconds, rounded up: a timer that fires early would find nothing due and be armed again.
    handle = setTimeout(wait > TIMEOUT_MS_MAX ? arm : task, Math.min(Math.ceil(wait), TIMEOUT_MS_MAX));
  };
  arm();
  return {
    cancel: () => {
      clearTimeout(handle);
    },
  };
}

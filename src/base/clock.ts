/** A pending wake-up. */
export interface Timer {
  cancel(): void;
}

/** Time and scheduling as a port, so that the simulator owns both. */
export interface Clock {
  /** Monotonic milliseconds, not necessarily whole. Never goes back. */
  now(): number;
  /** Wall clock in ms since 1970, for display only. */
  wall(): number;
  /** Runs `task` at `at`, or up to a millisecond earlier; at once (but not synchronously) when that has passed. */
  at(at: number, task: () => void): Timer;
  /** Runs `task` after everything that is ready now: `setImmediate`. */
  defer(task: () => void): void;
}

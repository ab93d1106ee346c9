/** The only way into a simulated process: what is dead does not run, what is paused runs later, in order. */
export interface Gate {
  readonly isAlive: boolean;
  enter(task: () => void): void;
}

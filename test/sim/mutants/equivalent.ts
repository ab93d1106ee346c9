/** Mutants that break nothing, because another rule of this design says the same; by number, with the proof. */
export const EQUIVALENT: ReadonlyMap<number, string> = new Map([
  [
    49,
    "Nothing is applied during an install even when the applier is not paused: it asks for the entry behind the state " +
      "machine's own index, which a restore sets back to 0 until it is whole, and the log was reset to the snapshot, so " +
      "that nothing at or below its base is given out. The core holds back entries while it installs, too.",
  ],
]);

import { entrySize, type Entry } from "../raft/index.ts";
import type { LogIndex } from "../base/index.ts";
import type { Driver } from "./driver.ts";
import type { NodeObserver } from "./node-types.ts";
import type { ApplyResult, StateMachine } from "./ports.ts";

/** Applies committed and locally durable entries in order, bounded per turn. */
export class Applier {
  readonly #driver: Driver;
  readonly #machine: StateMachine;
  readonly #observer: NodeObserver;
  readonly #onApplied: (entry: Entry, result: ApplyResult) => void;
  /** True while the state machine is being restored from a snapshot: nothing may be applied to half a state. */
  isPaused = false;
  #bytes = 0;

  constructor(
    driver: Driver,
    machine: StateMachine,
    observer: NodeObserver,
    onApplied: (entry: Entry, result: ApplyResult) => void,
  ) {
    this.#driver = driver;
    this.#machine = machine;
    this.#observer = observer;
    this.#onApplied = onApplied;
  }

  get applied(): LogIndex {
    return this.#machine.appliedIndex;
  }

  /** Of all entries that this process applied. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True: there is more to apply, so another turn is wanted. */
  run(bytesMax: number): boolean {
    if (this.isPaused) return false;
    const entries = this.#driver.core.committedEntries(this.applied + 1, bytesMax);
    if (entries === "loading" || entries.length === 0) return false;
    const startedAt = this.#driver.clock.now();
    let bytes = 0;
    for (const entry of entries) {
      if (!this.#applyOne(entry)) return false;
      bytes += entrySize(entry);
    }
    this.#bytes += bytes;
    const now = this.#driver.clock.now();
    this.#observer.onApply?.({ durationMs: now - startedAt, entries: entries.length });
    this.#driver.submit({ kind: "applied", now, index: this.applied });
    this.#observer.onApplied?.(this.applied);
    return bytes >= bytesMax;
  }

  #applyOne(entry: Entry): boolean {
    let result: ApplyResult;
    try {
      result = this.#machine.apply(entry);
    } catch (cause) {
      // Skipping it would let this node's state differ from the others' for ever.
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#driver.halt(
        `Cannot apply log entry ${entry.index} of term ${entry.term}: ${why}. ` +
          "A newer version of Konsul probably wrote it: start this node with that version",
      );
      return false;
    }
    this.#onApplied(entry, result);
    return true;
  }
}

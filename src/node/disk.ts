import type { Clock, LogIndex } from "../base/index.ts";
import { entrySize, type Persist } from "../raft/index.ts";
import type { PersistMeasure } from "./node-types.ts";
import type { LogStore, PersistReceipt } from "./ports.ts";

/** How often a transaction that met a full disk is tried again. */
const FULL_RETRY_MS = 250;

export interface DiskEvents {
  onPersisted(ticket: number, receipt: PersistReceipt, measure: Omit<PersistMeasure, "durationMs">): void;
  onFull(isFull: boolean): void;
  onUntrusted(reason: string): void;
}

/**
 * Group commit: while one transaction is in flight, everything that the following turns want to persist gathers and
 * becomes the next one. Order is kept: append, truncate, append stays three operations.
 */
export class Disk {
  readonly #store: Pick<LogStore, "persist">;
  readonly #clock: Clock;
  readonly #events: DiskEvents;
  #waiting: Persist[] = [];
  #isBusy = false;
  #isFull = false;
  #isBroken = false;

  constructor(store: Pick<LogStore, "persist">, clock: Clock, events: DiskEvents) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.length === 0;
  }

  add(persist: Persist): void {
    this.#waiting.push(persist);
  }

  /** Starts the next transaction unless one is in flight. */
  flush(commitHint: LogIndex): void {
    if (this.#isBusy || this.#isBroken || this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#isBusy = true;
    this.#write(batch, commitHint);
  }

  #write(batch: readonly Persist[], commitHint: LogIndex): void {
    this.#store.persist(batch, commitHint, (result) => {
      if (result.ok) {
        this.#isBusy = false;
        this.#setFull(false);
        this.#events.onPersisted(batch.at(-1)?.ticket ?? 0, result.value, measure(batch));
        return;
      }
      if (result.error.kind === "full") {
        // The transaction was rolled back and nothing of it was promised: the very same one is tried again.
        this.#setFull(true);
        this.#clock.at(this.#clock.now() + FULL_RETRY_MS, () => this.#write(batch, commitHint));
        return;
      }
      this.#isBroken = true;
      this.#events.onUntrusted(result.error.message);
    });
  }

  #setFull(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#events.onFull(isFull);
  }
}

function measure(batch: readonly Persist[]): Omit<PersistMeasure, "durationMs"> {
  let last: LogIndex | undefined;
  let entries = 0;
  let bytes = 0;
  for (const { append } of batch) {
    if (append === undefined) continue;
    entries += append.length;
    last = append.at(-1)?.index ?? last;
    for (const entry of append) bytes += entrySize(entry);
  }
  return { entries, bytes, last };
}

import type { LogIndex } from "../base/index.ts";
import type { RaftEvent } from "../raft/index.ts";
import type { ReadOutcome } from "./node-types.ts";

interface Reader {
  readonly deadline: number;
  readonly done: (outcome: ReadOutcome) => void;
}

interface ApplyWaiter {
  readonly index: LogIndex;
  readonly deadline: number;
  readonly done: (isApplied: boolean) => void;
}

/**
 * Linearizable read points. All reads of one turn share one round of the core; a read is served as soon as this node
 * has applied the index that the round confirmed. @see thesis §6.4
 */
export class Reads {
  #waiting: Reader[] = [];
  readonly #asked = new Map<number, readonly Reader[]>();
  #confirmed: { readonly index: LogIndex; readonly readers: readonly Reader[] }[] = [];
  #applyWaiters: ApplyWaiter[] = [];
  /** Could not be answered and are asked again a little later: at once would be a busy loop while nothing changes. */
  #resting: Reader[] = [];

  get isEmpty(): boolean {
    return (
      this.#waiting.length +
        this.#resting.length +
        this.#asked.size +
        this.#confirmed.length +
        this.#applyWaiters.length ===
      0
    );
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get hasResting(): boolean {
    return this.#resting.length > 0;
  }

  /** What rested waits for the next turn. */
  wake(): void {
    this.#waiting.push(...this.#resting);
    this.#resting = [];
  }

  add(deadline: number, done: (outcome: ReadOutcome) => void): void {
    this.#waiting.push({ deadline, done });
  }

  addApplyWaiter(waiter: ApplyWaiter): void {
    this.#applyWaiters.push(waiter);
  }

  nextEvent(request: number, now: number): RaftEvent | undefined {
    if (this.#waiting.length === 0) return undefined;
    this.#asked.set(request, this.#waiting);
    this.#waiting = [];
    return { kind: "read", now, request };
  }

  onConfirmed(request: number, index: LogIndex): void {
    const readers = this.#asked.get(request);
    if (readers === undefined) return;
    this.#asked.delete(request);
    this.#confirmed.push({ index, readers });
  }

  /** The core could not answer. False: the request is not a read. */
  onFailed(request: number, hasLeader: boolean): boolean {
    const readers = this.#asked.get(request);
    if (readers === undefined) return false;
    this.#asked.delete(request);
    if (hasLeader) this.#resting.push(...readers);
    else for (const { done } of readers) done({ kind: "no-leader" });
    return true;
  }

  /** Serves what `applied` has reached. */
  serve(applied: LogIndex): void {
    if (this.#confirmed.length > 0) {
      const due = this.#confirmed.filter(({ index }) => index <= applied);
      if (due.length > 0) {
        this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
        for (const { readers } of due) for (const { done } of readers) done({ kind: "ready", index: applied });
      }
    }
    if (this.#applyWaiters.length > 0) {
      const due = this.#applyWaiters.filter(({ index }) => index <= applied);
      if (due.length > 0) {
        this.#applyWaiters = this.#applyWaiters.filter(({ index }) => index > applied);
        for (const { done } of due) done(true);
      }
    }
  }

  /** Answers what is past its deadline; gives back the requests that nobody waits for any more. */
  expire(now: number, hasLeader: boolean): readonly number[] {
    if (this.isEmpty) return [];
    const outcome: ReadOutcome = hasLeader ? { kind: "timeout" } : { kind: "no-leader" };
    const abandoned: number[] = [];
    for (const [request, readers] of this.#asked) {
      const left = expireReaders(readers, now, outcome);
      if (left.length === 0) {
        this.#asked.delete(request);
        abandoned.push(request);
      } else if (left.length < readers.length) this.#asked.set(request, left);
    }
    this.#waiting = [...expireReaders(this.#waiting, now, outcome)];
    this.#resting = [...expireReaders(this.#resting, now, outcome)];
    this.#confirmed = this.#confirmed
      .map(({ index, readers }) => ({ index, readers: expireReaders(readers, now, outcome) }))
      .filter(({ readers }) => readers.length > 0);
    const late = this.#applyWaiters.filter(({ deadline }) => deadline <= now);
    this.#applyWaiters = this.#applyWaiters.filter(({ deadline }) => deadline > now);
    for (const { done } of late) done(false);
    return abandoned;
  }

  failAll(outcome: ReadOutcome): void {
    const readers = [
      ...this.#waiting,
      ...this.#resting,
      ...[...this.#asked.values()].flat(),
      ...this.#confirmed.flatMap((confirmed) => confirmed.readers),
    ];
    const waiters = this.#applyWaiters;
    this.#waiting = [];
    this.#resting = [];
    this.#asked.clear();
    this.#confirmed = [];
    this.#applyWaiters = [];
    for (const { done } of readers) done(outcome);
    for (const { done } of waiters) done(false);
  }
}

function expireReaders(readers: readonly Reader[], now: number, outcome: ReadOutcome): readonly Reader[] {
  const late = readers.filter(({ deadline }) => deadline <= now);
  if (late.length === 0) return readers;
  for (const { done } of late) done(outcome);
  return readers.filter(({ deadline }) => deadline > now);
}

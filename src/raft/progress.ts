import type { LogIndex, MemberKey } from "../base/index.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

/** A catch-up round of a learner: it ends when the learner has what the leader had at its start. @see thesis §4.2.1 */
interface CatchUp {
  target: LogIndex;
  startedAt: number;
}

/** What the leader knows of one member. Lives as long as the leadership and the membership of the pair. */
export class Progress {
  readonly key: MemberKey;
  /** When it became a member, or this leadership began; monotonic ms. */
  readonly since: number;
  /** Durable there and equal to our log. Never falls within a session. match < next. */
  match: LogIndex = 0;
  /** The next entry to send. */
  next: LogIndex;
  state: ProgressState = "probe";
  /** Names (leadership, connection): answers of another session are ignored. Never used twice in a leadership. */
  session: number;
  /** The highest round it answered. */
  ackedRound = 0;
  /** Monotonic ms at which that round was sent. */
  contact = -Infinity;
  applied: LogIndex = 0;
  /** In probe: an append is on its way, nothing more is sent until its answer or the next round. */
  isPaused = false;
  /** Waits for entries from disk. */
  isLoading = false;
  /** In snapshot: the transfer runs. */
  isSendingSnapshot = false;
  /** Index of the snapshot that is being sent. */
  snapshotIndex: LogIndex = 0;
  /** No other transfer is started before. */
  snapshotRetryAt = -Infinity;
  catchUp: CatchUp;
  /** A catch-up round took less than an election timeout. */
  isCaughtUp = false;
  /** Last index and bytes of each unanswered append, oldest first. */
  #inflight: { readonly last: LogIndex; readonly bytes: number }[] = [];
  #inflightBytes = 0;

  constructor(key: MemberKey, next: LogIndex, session: number, now: number) {
    this.key = key;
    this.since = now;
    this.next = next;
    this.session = session;
    this.catchUp = { target: next - 1, startedAt: now };
  }

  get inflightCount(): number {
    return this.#inflight.length;
  }

  get inflightBytes(): number {
    return this.#inflightBytes;
  }

  becomeProbe(next: LogIndex): void {
    this.state = "probe";
    this.next = Math.max(next, this.match + 1);
    this.isPaused = false;
    this.isSendingSnapshot = false;
    this.#clearInflight();
  }

  becomeReplicate(): void {
    this.state = "replicate";
    this.next = Math.max(this.next, this.match + 1);
    this.isPaused = false;
    this.isSendingSnapshot = false;
    this.#clearInflight();
  }

  becomeSnapshot(index: LogIndex): void {
    this.state = "snapshot";
    this.isPaused = false;
    this.snapshotIndex = index;
    this.isSendingSnapshot = true;
    this.#clearInflight();
  }

  /** Another connection: what was sent is void. */
  restart(session: number): void {
    this.session = session;
    this.isLoading = false;
    this.becomeProbe(this.next);
  }

  /** Another process speaks for it: it must say anew what its disk holds, which may be less. */
  forget(catchUp: CatchUp): void {
    this.match = 0;
    this.restartCatchUp(catchUp);
  }

  /** Begins a round: up to here before an election timeout is over. */
  restartCatchUp(catchUp: CatchUp): void {
    this.isCaughtUp = false;
    this.catchUp = catchUp;
  }

  addInflight(last: LogIndex, bytes: number): void {
    this.#inflight.push({ last, bytes });
    this.#inflightBytes += bytes;
  }

  /** Takes an acknowledgement; true: it was news. */
  acknowledge(match: LogIndex): boolean {
    let freed = 0;
    for (const { last, bytes } of this.#inflight) {
      if (last > match) break;
      this.#inflightBytes -= bytes;
      freed += 1;
    }
    if (freed > 0) this.#inflight.splice(0, freed);
    if (match <= this.match) return false;
    this.match = match;
    this.next = Math.max(this.next, match + 1);
    return true;
  }

  #clearInflight(): void {
    if (this.#inflight.length > 0) this.#inflight = [];
    this.#inflightBytes = 0;
  }
}

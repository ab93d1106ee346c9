import type { Clock, LogIndex, Term } from "../base/index.ts";
import type { RaftEvent, Refusal } from "../raft/index.ts";
import type { NodeObserver, ProposeOutcome } from "./node-types.ts";
import type { NodeLimits } from "./options.ts";
import type { ApplyResult } from "./ports.ts";

interface Waiting {
  readonly command: Uint8Array;
  readonly deadline: number;
  readonly startedAt: number;
  readonly trace: string | undefined;
  readonly done: (outcome: ProposeOutcome) => void;
}

interface Appended {
  readonly waiting: Waiting;
  readonly term: Term;
}

/**
 * Proposals from the caller to their answer. One that the core never appended is `refused`; one that it appended is
 * `applied` when this very (index, term) is applied here, and `unknown` in every other case. Never silence.
 */
export class Proposals {
  readonly #clock: Clock;
  readonly #limits: NodeLimits;
  readonly #observer: NodeObserver;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #proposed = new Map<number, readonly Waiting[]>();
  readonly #appended = new Map<LogIndex, Appended>();

  constructor(clock: Clock, limits: NodeLimits, observer: NodeObserver) {
    this.#clock = clock;
    this.#limits = limits;
    this.#observer = observer;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#proposed.size === 0 && this.#appended.size === 0;
  }

  /** Not appended yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Appended, and not answered yet. */
  get underWayCount(): number {
    return this.#appended.size;
  }

  /** What waits fills a turn's budget, or half of the room for what may wait: more of it makes no larger a batch. */
  get fillsTurn(): boolean {
    const { turnProposalBytesMax, waitingBytesMax, waitingCountMax } = this.#limits;
    const bytes = Math.min(turnProposalBytesMax, waitingBytesMax / 2);
    return this.#waitingBytes >= bytes || this.#waiting.length >= waitingCountMax / 2;
  }

  add(command: Uint8Array, deadline: number, done: (outcome: ProposeOutcome) => void, trace?: string): void {
    const { waitingCountMax, waitingBytesMax } = this.#limits;
    if (this.#waiting.length >= waitingCountMax || this.#waitingBytes + command.length > waitingBytesMax) {
      this.#clock.defer(() => this.#refuse(done, { kind: "overloaded" }));
      return;
    }
    this.#waiting.push({ command, deadline, startedAt: this.#clock.now(), trace, done });
    this.#waitingBytes += command.length;
  }

  /** All that waits, as one event for the core, up to the turn's budget. */
  nextEvent(request: number, now: number): RaftEvent | undefined {
    this.#refuseLate(now);
    if (this.#waiting.length === 0) return undefined;
    let bytes = 0;
    let taken = 0;
    for (const { command } of this.#waiting) {
      if (bytes >= this.#limits.turnProposalBytesMax) break;
      taken += 1;
      bytes += command.length;
    }
    this.#waitingBytes -= bytes;
    const batch = taken === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, taken);
    this.#waiting = batch === this.#waiting ? [] : this.#waiting.slice(taken);
    this.#proposed.set(request, batch);
    return { kind: "propose", now, request, commands: batch.map(({ command }) => command) };
  }

  /** The core appended the request's commands as one run of entries from `index` on. */
  onAccepted(accepted: { readonly request: number; readonly index: LogIndex; readonly term: Term }): void {
    const batch = this.#proposed.get(accepted.request);
    if (batch === undefined) return;
    this.#proposed.delete(accepted.request);
    batch.forEach((waiting, offset) => {
      const { trace } = waiting;
      const { term } = accepted;
      const index = accepted.index + offset;
      this.#appended.set(index, { waiting, term });
      if (trace !== undefined) this.#observer.onTraced?.({ index, term, trace });
    });
  }

  /** The core refused before it appended anything. False: the request is not a proposal. */
  onRefused(request: number, refusal: Refusal): boolean {
    const batch = this.#proposed.get(request);
    if (batch === undefined) return false;
    this.#proposed.delete(request);
    for (const { done } of batch) this.#refuse(done, refusal);
    return true;
  }

  onApplied(entry: { readonly index: LogIndex; readonly term: Term }, result: ApplyResult): void {
    const appended = this.#appended.get(entry.index);
    if (appended === undefined) return;
    const { waiting, term } = appended;
    this.#appended.delete(entry.index);
    if (term !== entry.term) {
      this.#unknown(waiting, "another leader's entry took its place");
      return;
    }
    this.#observer.onProposal?.("applied");
    this.#observer.onCommit?.({ durationMs: this.#clock.now() - waiting.startedAt });
    waiting.done({ kind: "applied", index: entry.index, term: entry.term, result });
  }

  /** Entries at and above `from` gave way to another leader's: nothing is known until that leader commits. */
  onTruncated(from: LogIndex): void {
    this.#failWhere((index) => index >= from, "the leader changed before it was committed");
  }

  /** The state jumped to a snapshot: whether these entries are in it cannot be told. */
  onJump(to: LogIndex): void {
    this.#failWhere((index) => index <= to, "this node's state was replaced by a snapshot");
  }

  /** Answers what is past its deadline, and what was appended in a lost term: `lostTerm` or one before. */
  expire(now: number, lostTerm: Term): void {
    this.#refuseLate(now);
    for (const [index, { waiting, term }] of this.#appended) {
      if (waiting.deadline <= now) this.#settle(index, waiting, "it was not committed in time");
      else if (term <= lostTerm) this.#settle(index, waiting, "leadership was lost before it was committed");
    }
  }

  /** This node cannot go on: what was appended is unknown, the rest surely did not happen. */
  failAll(reason: string, refusal: Refusal | { readonly kind: "untrusted"; readonly reason: string }): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { done } of waiting) this.#refuse(done, refusal);
    // Stepped into a core that died in the middle of the step: it may have appended them.
    for (const batch of this.#proposed.values()) for (const proposal of batch) this.#unknown(proposal, reason);
    this.#proposed.clear();
    this.#failWhere(() => true, reason);
  }

  /** What waited past its deadline was never appended. */
  #refuseLate(now: number): void {
    if (!this.#waiting.some(({ deadline }) => deadline <= now)) return;
    const late = this.#waiting.filter(({ deadline }) => deadline <= now);
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const { command } of late) this.#waitingBytes -= command.length;
    for (const { done } of late) this.#refuse(done, { kind: "overloaded" });
  }

  #failWhere(matches: (index: LogIndex) => boolean, reason: string): void {
    for (const [index, { waiting }] of this.#appended) if (matches(index)) this.#settle(index, waiting, reason);
  }

  #settle(index: LogIndex, waiting: Waiting, reason: string): void {
    this.#appended.delete(index);
    this.#unknown(waiting, reason);
  }

  #unknown(waiting: Waiting, reason: string): void {
    this.#observer.onProposal?.("unknown");
    waiting.done({ kind: "unknown", reason });
  }

  #refuse(
    done: (outcome: ProposeOutcome) => void,
    refusal: Refusal | { readonly kind: "untrusted"; readonly reason: string },
  ): void {
    this.#observer.onProposal?.("refused");
    done({ kind: "refused", refusal });
  }
}

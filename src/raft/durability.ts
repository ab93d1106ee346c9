import { assert, type LogIndex } from "../base/index.ts";

interface PendingTicket {
  readonly ticket: number;
  /** Entries up to here are durable once this ticket is; lowered when they are truncated before that. */
  appendTo: LogIndex;
  readonly since: number;
}

/**
 * What the disk has promised. Completions are matched by ticket, never by index: index 7 of an old term may become
 * durable after index 7 was overwritten. @see Raft §5.1 "stable storage"
 */
export class Durability {
  /** Entries up to here survive a crash. Falls only when they are truncated or the log is reset. */
  index: LogIndex;
  /** The newest ticket that is durable. */
  ticket = 0;
  /** The newest ticket handed out. */
  lastTicket = 0;
  /** The ticket that carries the current (term, vote); 0: durable since the start. */
  hardTicket = 0;
  /** The store's transaction counter. */
  seq: number;
  readonly #pending: PendingTicket[] = [];

  constructor(index: LogIndex, seq: number) {
    this.index = index;
    this.seq = seq;
  }

  /** Whether the current (term, vote) would survive a crash. */
  get isTermDurable(): boolean {
    return this.hardTicket <= this.ticket;
  }

  /** When the oldest unfinished write was asked for; undefined: nothing is unfinished. */
  get oldestSince(): number | undefined {
    return this.#pending[0]?.since;
  }

  /** The ticket that the current step's writes will carry. */
  get nextTicket(): number {
    return this.lastTicket + 1;
  }

  issue(appendTo: LogIndex, now: number): number {
    this.lastTicket += 1;
    this.#pending.push({ ticket: this.lastTicket, appendTo, since: now });
    return this.lastTicket;
  }

  /** The ticket at which entries up to `index` are durable; 0: they are. */
  ticketOf(index: LogIndex): number {
    if (index <= this.index) return 0;
    for (const pending of this.#pending) if (pending.appendTo >= index) return pending.ticket;
    return this.nextTicket;
  }

  onTruncated(from: LogIndex): void {
    this.index = Math.min(this.index, from - 1);
    for (const pending of this.#pending) pending.appendTo = Math.min(pending.appendTo, from - 1);
  }

  onReset(): void {
    this.onTruncated(1);
  }

  onPersisted(ticket: number, seq: number): void {
    assert(ticket <= this.lastTicket, () => `Cannot be durable up to ticket ${ticket}: newest is ${this.lastTicket}`);
    let done = 0;
    for (const pending of this.#pending) {
      if (pending.ticket > ticket) break;
      this.index = Math.max(this.index, pending.appendTo);
      done += 1;
    }
    if (done > 0) this.#pending.splice(0, done);
    this.ticket = Math.max(this.ticket, ticket);
    this.seq = Math.max(this.seq, seq);
  }
}

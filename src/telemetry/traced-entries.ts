import type { Clock, LogIndex, Term } from "../base/index.ts";
import type { Span, Tracing } from "./tracing.ts";

/** Entries followed at a time; further ones go untraced. */
const FOLLOWED_MAX = 4096;
/** An entry that was announced and did not come, or came and was never committed, is given up after this. */
const GIVE_UP_MS = 60_000;

export interface TracedEntry {
  readonly index: LogIndex;
  readonly term: Term;
  /** Of the span around its proposal, on whichever node that is. */
  readonly traceparent: string;
}

interface Followed extends TracedEntry {
  readonly since: number;
  isDurable: boolean;
  isCommitted: boolean;
  /** Open spans, in the order in which they began. */
  append?: Span;
  commit?: Span;
  apply?: Span;
}

/** Spans of the entries that belong to a trace, on their way through this node's log: append, commit, apply. */
export class TracedEntries {
  readonly #tracing: Tracing;
  readonly #clock: Clock;
  readonly #followed = new Map<LogIndex, Followed>();
  #committed: LogIndex = 0;

  constructor(tracing: Tracing, clock: Clock) {
    this.#tracing = tracing;
    this.#clock = clock;
  }

  /** This entry belongs to a trace; told before it is appended here. */
  expect(entry: TracedEntry): void {
    const now = this.#clock.now();
    for (const followed of this.#followed.values()) {
      if (now - followed.since < GIVE_UP_MS) break;
      this.#giveUp(followed, "it was not applied in time");
    }
    const before = this.#followed.get(entry.index);
    if (before !== undefined) this.#giveUp(before, "another leader's entry takes its place");
    if (this.#followed.size >= FOLLOWED_MAX) return;
    this.#followed.set(entry.index, { ...entry, since: now, isDurable: false, isCommitted: false });
  }

  /** These entries are on their way to this node's disk. */
  append(entries: readonly { readonly index: LogIndex; readonly term: Term; readonly data: Uint8Array }[]): void {
    if (this.#followed.size === 0) return;
    for (const { index, term, data } of entries) {
      const followed = this.#followed.get(index);
      if (followed === undefined) continue;
      if (followed.term !== term) {
        this.#giveUp(followed, "another leader's entry took its place");
        continue;
      }
      followed.append = this.#start("raft.append", followed, data.length);
      followed.commit = this.#start("raft.commit", followed, data.length);
      if (index <= this.#committed) this.#onCommitted(followed);
    }
  }

  /** Everything up to here is on this node's disk. */
  durable(last: LogIndex): void {
    for (const followed of this.#upTo(last)) {
      if (followed.append === undefined) continue;
      followed.append.end();
      followed.isDurable = true;
      this.#applyNext(followed);
    }
  }

  committed(index: LogIndex): void {
    this.#committed = Math.max(this.#committed, index);
    for (const followed of this.#upTo(index)) this.#onCommitted(followed);
  }

  applied(index: LogIndex): void {
    for (const followed of this.#upTo(index)) {
      this.#followed.delete(followed.index);
      followed.append?.end();
      followed.commit?.end();
      followed.apply?.end();
    }
  }

  /** Entries at and above this gave way to another leader's. */
  truncated(from: LogIndex): void {
    for (const followed of this.#followed.values()) {
      if (followed.index >= from && followed.append !== undefined)
        this.#giveUp(followed, "it gave way to another leader's entry");
    }
  }

  /** Both durable here and committed: now it is the state machine's turn. */
  #applyNext(followed: Followed): void {
    if (followed.isDurable && followed.isCommitted) followed.apply ??= this.#start("raft.apply", followed);
  }

  #onCommitted(followed: Followed): void {
    if (followed.commit === undefined) return;
    followed.commit.end();
    followed.isCommitted = true;
    this.#applyNext(followed);
  }

  #start(name: string, { index, term, traceparent }: Followed, bytes?: number): Span {
    const size = bytes === undefined ? {} : { "raft.bytes": bytes };
    return this.#tracing.start(name, {
      parent: traceparent,
      fields: { "raft.index": index, "raft.term": term, ...size },
    });
  }

  *#upTo(last: LogIndex): Generator<Followed> {
    for (const followed of this.#followed.values()) if (followed.index <= last) yield followed;
  }

  #giveUp(followed: Followed, why: string): void {
    this.#followed.delete(followed.index);
    for (const span of [followed.append, followed.commit, followed.apply]) span?.end({}, why);
  }
}

import type { LogIndex, MemberKey, Term } from "../base/index.ts";
import type { Effects, HardState, Observation, Outgoing, Persist, RequestOutcome } from "./effects.ts";
import type { Entry } from "./entry.ts";
import type { RequestId } from "./event.ts";
import type { Durability } from "./durability.ts";
import type { EntryPoint } from "./entry.ts";
import type { Message } from "./message.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Accepted = Effects["accepted"][number];
type ConfirmedRead = Effects["reads"][number];
type SnapshotOrder = Effects["sendSnapshot"][number];
type SnapshotCancel = Effects["cancelSnapshot"][number];

const NOTHING: readonly never[] = [];

/** Collects what one step wants from the world. Lists that stay empty cost nothing. */
export class Out {
  load: { readonly from: LogIndex; readonly to: LogIndex } | undefined;
  installSnapshot: SnapshotMeta | undefined;
  #send: Outgoing[] = [];
  #accepted: Accepted[] = [];
  #reads: ConfirmedRead[] = [];
  #done: { readonly request: RequestId; readonly outcome: RequestOutcome }[] = [];
  #sendSnapshot: SnapshotOrder[] = [];
  #cancelSnapshot: SnapshotCancel[] = [];
  #observe: Observation[] = [];
  /** Gets its ticket and its entries when the step is closed. */
  #persist: Mutable<Persist> = { ticket: 0 };
  #append: Entry[] = [];
  #hasPersist = false;

  /** `after`: the ticket that must be durable first; 0: none. The sender's term is waited for anyway. */
  send(message: Message, after: number): void {
    this.#send.push(after === 0 ? { message } : { message, after });
  }

  hard(hard: HardState): void {
    this.#persist.hard = hard;
    this.#hasPersist = true;
  }

  append(entry: Entry): void {
    this.#append.push(entry);
    this.#hasPersist = true;
  }

  truncateFrom(index: LogIndex): void {
    this.#persist.truncateFrom = index;
    this.#hasPersist = true;
  }

  compactTo(point: EntryPoint): void {
    this.#persist.compactTo = point;
    this.#hasPersist = true;
  }

  reset(meta: SnapshotMeta): void {
    this.#persist.reset = meta;
    this.#hasPersist = true;
  }

  accept(request: RequestId, index: LogIndex, count: number, term: Term): void {
    this.#accepted.push({ request, index, count, term });
  }

  read(request: RequestId, index: LogIndex): void {
    this.#reads.push({ request, index });
  }

  done(request: RequestId, outcome: RequestOutcome): void {
    this.#done.push({ request, outcome });
  }

  sendSnapshot(to: MemberKey, session: number, term: Term): void {
    this.#sendSnapshot.push({ to, session, term });
  }

  cancelSnapshot(to: MemberKey, session: number): void {
    this.#cancelSnapshot.push({ to, session });
  }

  observe(observation: Observation): void {
    this.#observe.push(observation);
  }

  mark(mark: string): void {
    this.#observe.push({ kind: "mark", mark });
  }

  /** Closes the step. Every message waits for the (term, vote) it was sent under, whatever else it waits for. */
  finish(durability: Durability, time: { readonly now: number; readonly nextWake: number }, commit: LogIndex): Effects {
    const persist = this.#finishPersist(durability, time.now);
    const send = durability.isTermDurable ? this.#send : this.#send.map((sent) => waitFor(sent, durability.hardTicket));
    const effects: Effects = {
      persist,
      send: send.length === 0 ? NOTHING : send,
      commit,
      accepted: this.#accepted.length === 0 ? NOTHING : this.#accepted,
      reads: this.#reads.length === 0 ? NOTHING : this.#reads,
      done: this.#done.length === 0 ? NOTHING : this.#done,
      load: this.load,
      sendSnapshot: this.#sendSnapshot.length === 0 ? NOTHING : this.#sendSnapshot,
      cancelSnapshot: this.#cancelSnapshot.length === 0 ? NOTHING : this.#cancelSnapshot,
      installSnapshot: this.installSnapshot,
      nextWake: time.nextWake,
      observe: this.#observe.length === 0 ? NOTHING : this.#observe,
    };
    this.#clear();
    return effects;
  }

  #finishPersist(durability: Durability, now: number): Persist | undefined {
    if (!this.#hasPersist) return undefined;
    const appendTo = this.#append.at(-1)?.index ?? this.#persist.reset?.index ?? 0;
    const ticket = durability.issue(appendTo, now);
    const persist = this.#persist;
    persist.ticket = ticket;
    if (this.#append.length > 0) persist.append = this.#append;
    this.#persist = { ticket: 0 };
    this.#append = [];
    this.#hasPersist = false;
    return persist;
  }

  #clear(): void {
    if (this.#send.length > 0) this.#send = [];
    if (this.#accepted.length > 0) this.#accepted = [];
    if (this.#reads.length > 0) this.#reads = [];
    if (this.#done.length > 0) this.#done = [];
    if (this.#sendSnapshot.length > 0) this.#sendSnapshot = [];
    if (this.#cancelSnapshot.length > 0) this.#cancelSnapshot = [];
    if (this.#observe.length > 0) this.#observe = [];
    this.load = undefined;
    this.installSnapshot = undefined;
  }
}

function waitFor(sent: Outgoing, ticket: number): Outgoing {
  return (sent.after ?? 0) >= ticket ? sent : { message: sent.message, after: ticket };
}

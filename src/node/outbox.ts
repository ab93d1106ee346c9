import type { Term } from "../base/index.ts";
import type { Message, Outgoing } from "../raft/index.ts";

interface Held {
  readonly message: Message;
  readonly after: number;
}

/**
 * Holds each message until the ticket behind its promise is durable. Append replies of a past term are dropped at
 * release: the leader of that term is gone, and what they promise may have been truncated since.
 */
export class Outbox {
  #ready: Message[] = [];
  #held: Held[] = [];
  #durableTicket = 0;

  add(outgoing: readonly Outgoing[]): void {
    for (const { message, after } of outgoing) {
      if (after === undefined || after <= this.#durableTicket) this.#ready.push(message);
      else this.#held.push({ message, after });
    }
  }

  /** Everything up to `ticket` is durable; `term` is the core's current term. */
  release(ticket: number, term: Term): void {
    this.#durableTicket = ticket;
    if (this.#held.length === 0) return;
    const still: Held[] = [];
    for (const held of this.#held) {
      if (held.after > ticket) still.push(held);
      else if (held.message.kind !== "append-reply" || held.message.term === term) this.#ready.push(held.message);
    }
    this.#held = still;
  }

  /** What may leave now, in order. */
  take(): readonly Message[] {
    const ready = this.#ready;
    if (ready.length > 0) this.#ready = [];
    return ready;
  }
}

import { assert, type LogIndex, type MemberKey, type Term } from "../base/index.ts";
import type { HardState } from "./effects.ts";
import type { MessageBody } from "./message.ts";
import type { State } from "./state.ts";

interface Sending {
  readonly to: MemberKey;
  /** The current term unless said otherwise: only pre-votes speak of another. */
  readonly term?: Term;
  /** Entries up to here must be durable before the message leaves. */
  readonly durableTo?: LogIndex;
}

/** Queues a message. It never leaves before the current (term, vote) is durable. */
export function send(s: State, sending: Sending, body: MessageBody): void {
  const { clusterId, epoch, boot } = s.options;
  const after = sending.durableTo === undefined ? 0 : s.durability.ticketOf(sending.durableTo);
  const term = sending.term ?? s.hard.term;
  s.out.send({ clusterId, epoch, from: s.self, fromBoot: boot, to: sending.to, term, ...body }, after);
}

/** Changes (term, vote) and has it written as one record. */
export function setHard(s: State, hard: HardState): void {
  assert(hard.term >= s.hard.term, () => `The term must not fall from ${s.hard.term} to ${hard.term}`);
  assert(
    hard.term > s.hard.term || s.hard.vote === undefined || s.hard.vote === hard.vote,
    () => `The vote of term ${hard.term} must not change`,
  );
  s.hard = hard;
  s.durability.hardTicket = s.durability.nextTicket;
  s.out.hard(hard);
}

import { unreachable } from "../base/index.ts";
import { isAdmitted, onReplaced } from "./admit.ts";
import { onAppend } from "./append-follower.ts";
import { onAppendReply, onSnapshotReply } from "./append-reply.ts";
import { onPreVoteReply, onTimeoutNow, onVoteReply } from "./election.ts";
import { onLeaderGone } from "./failover.ts";
import { becomeFollower } from "./follower.ts";
import type { Message } from "./message.ts";
import { onReadIndex, onReadIndexReply } from "./read-index.ts";
import { send } from "./send.ts";
import type { State } from "./state.ts";
import { onPreVote, onVote } from "./voter.ts";

/** Judges a message: who it is from, then its term, then what it says. */
export function onReceive(s: State, message: Message): void {
  if (!isAdmitted(s, message)) return;
  switch (message.kind) {
    case "append":
    case "vote":
    case "pre-vote":
    case "timeout-now":
    case "read-index":
      return onRequest(s, message);
    case "pre-vote-reply":
      return onPreVoteReply(s, message.from, message.term, message);
    case "vote-reply":
    case "stale-term":
      if (message.term > s.hard.term) return onHigherTerm(s, message);
      if (message.kind === "vote-reply" && message.term === s.hard.term) {
        onVoteReply(s, message.from, message.granted);
      }
      return;
    case "append-reply":
    case "snapshot-reply":
      return onProgress(s, message);
    case "read-index-reply":
      return onReadIndexReply(s, message.from, message);
    case "replaced":
      return onReplaced(s, message);
    case "goodbye":
      return onLeaderGone(s, message.from, message.fromBoot);
    default:
      return unreachable(message);
  }
}

type Request = Extract<Message, { kind: "append" | "vote" | "pre-vote" | "timeout-now" | "read-index" }>;

/** A request of an older term is always answered: else its sender and a leader could block each other for ever. */
function onRequest(s: State, message: Request): void {
  const { from, fromBoot, term } = message;
  if (term < s.hard.term) {
    send(s, { to: from }, { kind: "stale-term" });
    return;
  }
  switch (message.kind) {
    case "append":
      if (term > s.hard.term) becomeFollower(s, term, `${from} leads`);
      return onAppend(s, { key: from, boot: fromBoot }, message);
    case "vote":
      return onVote(s, from, term, message);
    case "pre-vote":
      return onPreVote(s, from, term, message);
    case "timeout-now":
      if (term === s.hard.term) onTimeoutNow(s, from, message);
      return;
    case "read-index":
      return onReadIndex(s, { key: from, boot: fromBoot }, message.request);
    default:
      return unreachable(message);
  }
}

/** A voter or follower is ahead: this node's leadership or candidacy is of the past. */
function onHigherTerm(s: State, message: Message): void {
  if (!s.members.effective.membership.members.has(message.from)) {
    s.out.observe({ kind: "dropped", reason: "a higher term from a stranger", from: message.from });
    return;
  }
  becomeFollower(s, message.term, `${message.from} knows a higher term`);
}

/** Answers to appends only mean something to the leader of that very term. */
function onProgress(s: State, message: Extract<Message, { kind: "append-reply" | "snapshot-reply" }>): void {
  const { leading } = s;
  if (leading === undefined || message.term !== s.hard.term) return;
  const from = { key: message.from, boot: message.fromBoot };
  if (message.kind === "append-reply") onAppendReply(s, leading, from, message);
  else onSnapshotReply(s, leading, from, message);
}

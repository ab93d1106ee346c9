import { isSameEpoch, unreachable } from "../base/index.ts";
import { becomeFollower } from "./follower.ts";
import type { Message, Replaced } from "./message.ts";
import { peerOf } from "./peers.ts";
import { publishRole } from "./role.ts";
import { tellRolledBack } from "./rollback.ts";
import { send } from "./send.ts";
import type { State } from "./state.ts";

/** Answers count for something that was promised: they must come from the very process that is current. */
function isResponse(kind: Message["kind"]): boolean {
  switch (kind) {
    case "pre-vote-reply":
    case "vote-reply":
    case "append-reply":
    case "snapshot-reply":
    case "read-index-reply":
    case "stale-term":
    case "replaced":
      return true;
    case "pre-vote":
    case "vote":
    case "append":
    case "timeout-now":
    case "read-index":
    case "goodbye":
      return false;
    default:
      return unreachable(kind);
  }
}

/**
 * The one place that judges who may speak at all. Requests are judged by Raft's rules whatever our perhaps stale
 * membership says, except from pairs that are known to be retired; answers only count from a current process.
 */
export function isAdmitted(s: State, message: Message): boolean {
  const reason = foreignReason(s, message) ?? (isResponse(message.kind) ? responseProblem(s, message) : undefined);
  if (reason !== undefined) {
    s.out.observe({ kind: "dropped", reason, from: message.from });
    return false;
  }
  const peer = peerOf(s, message.from);
  peer.boot ??= message.fromBoot;
  peer.heardAt = s.now;
  if (!isResponse(message.kind)) return !isAskedByTwo(s, message) && !answerRetired(s, message);
  return true;
}

/** This pair was told that it does not count any more. */
export function onReplaced(s: State, message: Message & Replaced): void {
  const { membership } = s.members.effective;
  const own = membership.members.get(s.self);
  if (message.boot !== "" && message.boot !== s.options.boot) return;
  if (s.isRetired || (own !== undefined && message.reason !== "rolled-back" && message.at <= own.admitted)) return;
  s.isRetired = true;
  s.out.observe({ kind: "distrusted", reason: message.reason, at: message.at });
  becomeFollower(s, s.hard.term, `told by ${message.from} that this pair is ${message.reason}`);
  publishRole(s, message.reason);
}

function foreignReason(s: State, message: Message): string | undefined {
  const { clusterId, epoch } = s.options;
  if (s.isRetired) return "this pair does not count any more";
  if (message.clusterId !== clusterId) return "another cluster";
  if (!isSameEpoch(message.epoch, epoch)) return "another epoch";
  if (message.to !== s.self) return "meant for another pair";
  if (message.from === s.self) return "from this very pair";
  return undefined;
}

function responseProblem(s: State, message: Message): string | undefined {
  const known = s.peers.get(message.from)?.boot;
  if (known !== undefined && known !== message.fromBoot) return "from a process that is not current";
  if (s.duplicates.has(message.from)) return "two processes claim this pair";
  if (s.distrusted.has(message.from)) return "its disk was rolled back";
  return undefined;
}

/** A vote for a pair that two processes claim would be one for each of them: both could lead in one term. */
function isAskedByTwo(s: State, { kind, from }: Message): boolean {
  if (!s.duplicates.has(from) || (kind !== "vote" && kind !== "pre-vote")) return false;
  s.out.observe({ kind: "dropped", reason: "two processes claim this pair", from });
  return true;
}

/** True: the sender was told that it is out, and is not listened to. */
function answerRetired(s: State, message: Message): boolean {
  const to = message.from;
  if (s.distrusted.has(to) && message.kind !== "append") {
    tellRolledBack(s, to);
    return true;
  }
  const at = s.members.retiredAt(to);
  // A leader whose own removal is committed speaks once more, to hand over.
  if (at === undefined || to === s.leader) return false;
  send(s, { to }, { kind: "replaced", reason: "removed", at, boot: "" });
  return true;
}

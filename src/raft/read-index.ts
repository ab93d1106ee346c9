import type { BootId, MemberKey } from "../base/index.ts";
import { hasCommittedOwnTerm } from "./commit.ts";
import type { RequestId } from "./event.ts";
import type { ReadIndexReply } from "./message.ts";
import { committedIndex } from "./quorum.ts";
import { sendEmpty } from "./replicate.ts";
import { send } from "./send.ts";
import type { Leading, PendingRead, State } from "./state.ts";
import { isCounted } from "./trust.ts";

/** Reads that may wait at once; more are told to come again. */
const READS_MAX = 100_000;

/** Asks for an index at which a read sees everything that was acknowledged before now. @see thesis §6.4 */
export function onRead(s: State, request: RequestId): void {
  const { leading, leader } = s;
  if (leading !== undefined) {
    if (leading.reads.length >= READS_MAX) s.out.done(request, { kind: "retry" });
    else register(s, leading, { from: undefined, request });
    return;
  }
  if (leader === undefined || s.isRetired || s.forwardedReads.size >= READS_MAX) {
    s.out.done(request, { kind: "retry" });
    return;
  }
  s.forwardedReads.set(request, { askedAt: s.now });
  send(s, { to: leader }, { kind: "read-index", request });
}

export function onCancelRead(s: State, request: RequestId): void {
  s.forwardedReads.delete(request);
  const { leading } = s;
  if (leading === undefined) return;
  leading.reads = leading.reads.filter((read) => read.from !== undefined || read.request !== request);
}

/** A follower asks for its reader. */
export function onReadIndex(s: State, from: { readonly key: MemberKey; readonly boot: BootId }, request: number): void {
  const { leading } = s;
  if (leading === undefined || leading.reads.length >= READS_MAX) {
    send(s, { to: from.key }, { kind: "read-index-reply", request, ok: false, index: 0, commit: 0 });
    return;
  }
  const name = nameOf(from, request);
  if (leading.remoteReads.has(name)) return;
  leading.remoteReads.add(name);
  register(s, leading, { from, request });
}

export function onReadIndexReply(s: State, from: MemberKey, reply: ReadIndexReply): void {
  if (from !== s.leader || !s.forwardedReads.delete(reply.request)) return;
  if (reply.ok) s.out.read(reply.request, reply.index);
  else s.out.done(reply.request, { kind: "retry" });
}

/** Asks again for reads whose question or answer may be lost. */
export function resendReads(s: State): void {
  if (s.forwardedReads.size === 0 || s.leader === undefined) return;
  const interval = s.options.timing.heartbeatTimeoutMs / 10;
  for (const [request, read] of s.forwardedReads) {
    if (s.now - read.askedAt < interval) continue;
    read.askedAt = s.now;
    send(s, { to: s.leader }, { kind: "read-index", request });
  }
}

/**
 * Answers reads whose round a voter quorum has answered: this node still led when they were registered. Only voters
 * count, in both halves, and a sole voter is its own quorum, but it too must have committed in its term first.
 */
export function confirmReads(s: State, leading: Leading): void {
  if (leading.reads.length === 0 || !hasCommittedOwnTerm(s, leading)) return;
  const acked = (key: MemberKey): number | undefined => {
    if (key === s.self) return Infinity;
    return isCounted(s, key) ? leading.progress.get(key)?.ackedRound : 0;
  };
  const round = committedIndex(s.members.effective.membership, acked);
  let answered = 0;
  for (const read of leading.reads) {
    if (read.round > round) break;
    answer(s, leading, read);
    answered += 1;
  }
  if (answered > 0) leading.reads.splice(0, answered);
}

function register(s: State, leading: Leading, read: Pick<PendingRead, "from" | "request">): void {
  // Only a round that is sent after this counts, so the next one, whatever is on its way.
  const index = hasCommittedOwnTerm(s, leading) ? s.commit : undefined;
  if (index === undefined) s.out.mark("read-before-own-commit");
  leading.reads.push({ ...read, index, round: leading.round + 1 });
  leading.wantsRound = true;
}

function answer(s: State, leading: Leading, { from, request, index = s.commit }: PendingRead): void {
  if (from === undefined) {
    s.out.read(request, index);
    return;
  }
  leading.remoteReads.delete(nameOf(from, request));
  send(s, { to: from.key }, { kind: "read-index-reply", request, ok: true, index, commit: s.commit });
  // The follower serves when it has applied so far: it learns the commit index now, not with the next heartbeat.
  const progress = leading.progress.get(from.key);
  if (progress !== undefined) sendEmpty(s, leading, progress);
}

function nameOf(from: { readonly key: MemberKey; readonly boot: BootId }, request: number): string {
  return `${from.key}/${from.boot}/${request}`;
}

import { assert, type LogIndex } from "../base/index.ts";
import { entrySize, type Entry } from "./entry.ts";
import type { Progress } from "./progress.ts";
import { send } from "./send.ts";
import type { Leading, State } from "./state.ts";

const NO_ENTRIES: readonly Entry[] = [];

/** Sends each follower what it lacks, and when a round is due something in any case. */
export function replicate(s: State, leading: Leading): void {
  const isRound = leading.wantsRound;
  if (isRound) {
    leading.wantsRound = false;
    leading.round += 1;
    leading.rounds.record(leading.round, s.now);
    leading.heartbeatAt = s.now + s.options.timing.heartbeatTimeoutMs / 10;
    leading.commitNoticeAt = Infinity;
  }
  for (const progress of leading.progress.values()) {
    // What it writes now would hide what it lost from those that meet it later.
    if (s.distrusted.has(progress.key)) continue;
    const hasSent = sendEntries(s, leading, progress);
    if (isRound && !hasSent) sendEmpty(s, leading, progress);
  }
}

/** Tells one follower the commit index without waiting for a round. */
export function sendEmpty(s: State, leading: Leading, progress: Progress): void {
  // A follower that gets a snapshot has nothing that we could attach to; index 0 always fits.
  const wanted = progress.state === "snapshot" ? progress.match : progress.next - 1;
  const prevIndex = s.log.termAt(wanted) === undefined ? 0 : wanted;
  sendAppend(s, leading, progress, { prevIndex, entries: NO_ENTRIES });
}

/** True: at least one append was sent. */
function sendEntries(s: State, leading: Leading, progress: Progress): boolean {
  progress.isLoading = false;
  let hasSent = false;
  while (mayHaveMore(s, progress)) {
    if (progress.next <= s.log.base.index) {
      orderSnapshot(s, leading, progress);
      return hasSent;
    }
    const entries = s.log.slice(progress.next, s.log.lastIndex + 1, s.options.limits.messageBytesMax);
    if (entries === undefined) {
      progress.isLoading = true;
      return hasSent;
    }
    sendAppend(s, leading, progress, { prevIndex: progress.next - 1, entries });
    hasSent = true;
    if (progress.state === "probe") {
      progress.isPaused = true;
      return true;
    }
    progress.next += entries.length;
    progress.addInflight(progress.next - 1, sizeOf(entries));
  }
  return hasSent;
}

function mayHaveMore(s: State, progress: Progress): boolean {
  if (progress.next > s.log.lastIndex) return false;
  // What it needs next is compacted. Appends in flight may all be lost, and index 0 in a heartbeat is never refused, so
  // waiting for an answer could be waiting for ever.
  if (progress.state !== "snapshot" && progress.next <= s.log.base.index) return true;
  if (progress.state === "probe") return !progress.isPaused;
  if (progress.state === "snapshot") return !progress.isSendingSnapshot && s.now >= progress.snapshotRetryAt;
  const { inflightCountMax, inflightBytesMax } = s.options.limits;
  return progress.inflightCount < inflightCountMax && progress.inflightBytes < inflightBytesMax;
}

interface Batch {
  readonly prevIndex: LogIndex;
  readonly entries: readonly Entry[];
}

function sendAppend(s: State, leading: Leading, progress: Progress, { prevIndex, entries }: Batch): void {
  const { log } = s;
  // Index 0 fits every log, compacted or not: there its term and chain mean nothing.
  const prevTerm = prevIndex === 0 ? 0 : log.termAt(prevIndex);
  const prevChain = prevIndex === 0 ? 0 : log.chainAt(prevIndex);
  assert(
    prevTerm !== undefined && prevChain !== undefined,
    () => `The entry ${prevIndex} before an append must be known`,
  );
  const { round } = leading;
  const { session } = progress;
  send(
    s,
    { to: progress.key },
    { kind: "append", prevIndex, prevTerm, prevChain, entries, commit: s.commit, round, session },
  );
}

/** The follower needs what is compacted: only a snapshot helps. @see Raft §7 */
function orderSnapshot(s: State, leading: Leading, progress: Progress): void {
  const isTooEarly = s.now < progress.snapshotRetryAt || s.snapshot === undefined;
  if (isTooEarly || countTransfers(leading) >= s.options.limits.snapshotSendsMax) {
    if (progress.state !== "snapshot") progress.becomeSnapshot(s.snapshot?.index ?? 0);
    progress.isSendingSnapshot = false;
    return;
  }
  progress.becomeSnapshot(s.snapshot?.index ?? 0);
  s.out.sendSnapshot(progress.key, progress.session, s.hard.term);
}

function countTransfers(leading: Leading): number {
  let count = 0;
  for (const progress of leading.progress.values()) if (progress.isSendingSnapshot) count += 1;
  return count;
}

function sizeOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entrySize(entry);
  return bytes;
}

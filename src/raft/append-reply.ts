import type { BootId, MemberKey } from "../base/index.ts";
import type { AppendReply, SnapshotReply } from "./message.ts";
import type { Progress } from "./progress.ts";
import { learnSeq } from "./rollback.ts";
import type { Leading, State } from "./state.ts";

interface From {
  readonly key: MemberKey;
  readonly boot: BootId;
}

/** Takes a follower's answer of the current term. @see Raft §5.3 */
export function onAppendReply(s: State, leading: Leading, from: From, reply: AppendReply): void {
  const progress = leading.progress.get(from.key);
  if (progress === undefined || progress.session !== reply.session || reply.round > leading.round) {
    s.out.mark("ack-of-another-session");
    return;
  }
  learnSeq(s, { ...from, seq: reply.seq });
  progress.applied = Math.max(progress.applied, reply.applied);
  if (reply.round > progress.ackedRound) {
    progress.ackedRound = reply.round;
    // Out of contact for long, a learner that had caught up may be as far behind as a new one.
    const wasAway = s.now - progress.contact > s.options.timing.electionTimeoutMs;
    if (progress.isCaughtUp && wasAway) progress.restartCatchUp(roundFrom(s));
    progress.contact = Math.max(progress.contact, leading.rounds.sentAt(reply.round));
  }
  if (reply.ok) onMatch(s, leading, progress, reply.match);
  else onRejection(s, progress, reply);
}

/** The follower's disk holds a snapshot and its log starts behind it. */
export function onSnapshotReply(s: State, leading: Leading, from: From, reply: SnapshotReply): void {
  const progress = leading.progress.get(from.key);
  if (progress === undefined || progress.session !== reply.session) return;
  if (!reply.ok) {
    progress.isSendingSnapshot = false;
    progress.snapshotRetryAt = s.now + s.options.timing.electionTimeoutMs;
    return;
  }
  onMatch(s, leading, progress, reply.index);
}

function onMatch(s: State, leading: Leading, progress: Progress, match: number): void {
  if (match > s.log.lastIndex) {
    s.out.observe({ kind: "dropped", reason: "acknowledges what was never sent", from: progress.key });
    return;
  }
  if (progress.acknowledge(match)) leading.isCommitDirty = true;
  // Also when it is no news: in an idle cluster a learner that came too late gets nothing new to acknowledge.
  checkCatchUp(s, progress);
  if (progress.state === "probe") progress.becomeReplicate();
  else if (progress.state === "snapshot" && match >= s.log.base.index) {
    if (progress.isSendingSnapshot) s.out.cancelSnapshot(progress.key, progress.session);
    progress.becomeProbe(match + 1);
  }
}

/** The logs differ at the refused entry: go back, by whole terms, but never into what is known to match. */
function onRejection(s: State, progress: Progress, reply: AppendReply): void {
  const refused = reply.match;
  const isStale = progress.state === "probe" ? refused !== progress.next - 1 : refused <= progress.match;
  if (isStale || progress.state === "snapshot") return;
  const hint = s.log.lastIndexOfTermAtMost(reply.hintIndex, reply.hintTerm);
  progress.becomeProbe(Math.max(1, Math.min(refused, hint + 1)));
}

/** A round of catching up ends when the learner has what this log held at the round's start. @see thesis §4.2.1 */
function checkCatchUp(s: State, progress: Progress): void {
  if (progress.isCaughtUp || progress.match < progress.catchUp.target) return;
  if (s.now - progress.catchUp.startedAt < s.options.timing.electionTimeoutMs) progress.isCaughtUp = true;
  else progress.restartCatchUp(roundFrom(s));
}

function roundFrom(s: State): Progress["catchUp"] {
  return { target: s.log.lastIndex, startedAt: s.now };
}

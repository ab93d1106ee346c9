import type { LogIndex } from "../base/index.ts";
import type { RaftEvent } from "./event.ts";
import type { SnapshotMeta } from "./snapshot-meta.ts";
import type { State } from "./state.ts";

/** A transfer ended. Its success shows in the follower's answers; whatever it was, another may start after a while. */
export function onSnapshotSent(s: State, { to, session }: Extract<RaftEvent, { kind: "snapshot-sent" }>): void {
  const progress = s.leading?.progress.get(to);
  if (progress === undefined || progress.session !== session || progress.state !== "snapshot") return;
  progress.isSendingSnapshot = false;
  progress.snapshotRetryAt = s.now + s.options.timing.electionTimeoutMs;
}

/** The state of one index is safe in a snapshot: the log behind `compactTo` may go, here and on disk. */
export function onSnapshotTaken(s: State, meta: SnapshotMeta, compactTo: LogIndex): void {
  if (meta.index > (s.snapshot?.index ?? 0)) s.snapshot = meta;
  if (s.installing !== undefined) return;
  const wanted = Math.min(compactTo, meta.index, s.applied, s.durability.index, oldestTransfer(s));
  if (wanted <= s.log.base.index) return;
  s.out.compactTo(s.log.compact(wanted));
  s.members.compact(wanted);
}

/** A follower that is getting a snapshot needs the log behind that very one, or it needs the next one at its end. */
function oldestTransfer(s: State): LogIndex {
  let oldest = Infinity;
  for (const progress of s.leading?.progress.values() ?? []) {
    if (progress.isSendingSnapshot) oldest = Math.min(oldest, progress.snapshotIndex);
  }
  return oldest;
}

import type { MemberKey } from "../base/index.ts";
import { publishMembership } from "./role.ts";
import { committedIndex } from "./quorum.ts";
import type { Leading, State } from "./state.ts";
import { isCounted } from "./trust.ts";

/** Raises the commit index; what it makes final follows from it. */
export function commitTo(s: State, index: number): void {
  if (index <= s.commit) return;
  s.commit = index;
  if (s.members.commit(index)) publishMembership(s);
}

/**
 * What a voter quorum has on disk is committed, if it is of this term; older entries only with it. The leader counts
 * itself like any other: by what its own disk holds, and only as a voter. @see Raft §5.4.2, Figure 8
 */
export function advanceCommit(s: State, leading: Leading): void {
  if (!leading.isCommitDirty) return;
  leading.isCommitDirty = false;
  const acked = (key: MemberKey): number | undefined => {
    if (key === s.self) return ownDurable(s);
    return isCounted(s, key) ? leading.progress.get(key)?.match : 0;
  };
  const index = committedIndex(s.members.effective.membership, acked);
  if (index <= s.commit || s.log.termAt(index) !== s.hard.term) return;
  commitTo(s, index);
  leading.commitNoticeAt = Math.min(leading.commitNoticeAt, s.now + s.options.timing.heartbeatTimeoutMs / 100);
}

/** Whether this leader knows what is committed: only since an entry of its own term is. @see thesis §6.4 */
export function hasCommittedOwnTerm(s: State, leading: Leading): boolean {
  return s.commit >= leading.termStart;
}

function ownDurable(s: State): number {
  return s.duplicates.has(s.self) ? 0 : s.durability.index;
}

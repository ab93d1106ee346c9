import { advanceCommit } from "./commit.ts";
import { settleMembership, tellRemoved } from "./membership-leader.ts";
import { confirmReads } from "./read-index.ts";
import { replicate, sendEmpty } from "./replicate.ts";
import { logSeqs } from "./rollback.ts";
import type { Leading, State } from "./state.ts";
import { advanceTransfer } from "./transfer.ts";

/**
 * What a leader does at the end of each step, whatever the event was. Events only change what is known; everything that
 * follows is derived here from the state, so that nothing depends on catching the moment.
 */
export function settleLeader(s: State): void {
  const { leading } = s;
  if (leading === undefined) return;
  const { committed } = s.members;
  advanceCommit(s, leading);
  if (s.members.committed !== committed) tellRemoved(s, committed.membership.members);
  confirmReads(s, leading);
  settleMembership(s, leading);
  if (s.leading === undefined) return;
  advanceTransfer(s, leading);
  if (s.leading === undefined) return;
  logSeqs(s, leading);
  tellCommit(s, leading);
  replicate(s, leading);
}

/** Followers with nothing on its way learn the commit index soon, not only with the next heartbeat. */
function tellCommit(s: State, leading: Leading): void {
  if (s.now < leading.commitNoticeAt) return;
  leading.commitNoticeAt = Infinity;
  if (leading.wantsRound) return;
  for (const progress of leading.progress.values()) {
    if (progress.state === "replicate" && progress.next > s.log.lastIndex) sendEmpty(s, leading, progress);
  }
}

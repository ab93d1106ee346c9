import { chainAfter, entrySize, type Entry, type EntryKind } from "./entry.ts";
import { decodeMembership } from "./membership-codec.ts";
import { Progress } from "./progress.ts";
import { publishMembership, publishRole } from "./role.ts";
import { RoundClock } from "./round-clock.ts";
import { setLeader } from "./follower.ts";
import type { Leading, State } from "./state.ts";

/** Cluster time advances at most this far between two looks at the clock: what the process slept through is lost. */
const TIME_STEP_MS_MAX = 250;
const NO_DATA = new Uint8Array(0);

/** Starts to lead the current term, which is durable, with an entry of its own. @see thesis §6.4 */
export function becomeLeader(s: State): void {
  const leading: Leading = {
    termStart: s.log.lastIndex + 1,
    progress: new Map(),
    lastSession: 0,
    round: 0,
    wantsRound: true,
    rounds: new RoundClock(),
    isCommitDirty: true,
    heartbeatAt: s.now,
    commitNoticeAt: Infinity,
    time: s.log.lastTime,
    timeAt: s.now,
    reads: [],
    remoteReads: new Set(),
    transfer: undefined,
    change: undefined,
    promoteAt: s.now,
    checkAt: s.now + checkIntervalMs(s),
    checkedTo: 0,
    unapplied: [],
    unappliedBytes: 0,
    quorumCheckFrom: s.now + s.options.timing.leaderLeaseTimeoutMs,
  };
  s.role = "leader";
  s.leading = leading;
  s.fast = undefined;
  s.campaign.votes.clear();
  setLeader(s, s.self, s.options.boot);
  publishRole(s, "won the election");
  syncProgress(s, leading);
  appendOwn(s, leading, "noop", [NO_DATA]);
}

/** What the members' disks have promised is logged this often, if anything is. */
export function checkIntervalMs(s: State): number {
  return 2 * s.options.timing.heartbeatTimeoutMs;
}

/** Appends entries of the own term. They are sent and written at the end of the step, at the same time. */
export function appendOwn(s: State, leading: Leading, kind: EntryKind, payloads: readonly Uint8Array[]): void {
  const { log, out } = s;
  const time = Math.max(log.lastTime, Math.floor(leading.time));
  let bytes = 0;
  for (const data of payloads) {
    const index = log.lastIndex + 1;
    const { term } = s.hard;
    const entry: Entry = {
      index,
      term,
      kind,
      time,
      data,
      chain: chainAfter(log.lastChain, { index, term, kind, time, data }),
    };
    log.append(entry);
    out.append(entry);
    bytes += entrySize(entry);
  }
  leading.unapplied.push({ last: log.lastIndex, bytes });
  leading.unappliedBytes += bytes;
}

/** Appends a membership, which is in force at once. @see Raft §6 */
export function appendMembership(s: State, leading: Leading, encoded: Uint8Array): void {
  appendOwn(s, leading, "membership", [encoded]);
  s.members.append({ index: s.log.lastIndex, membership: decodeMembership(encoded) });
  syncProgress(s, leading);
  leading.isCommitDirty = true;
  publishMembership(s);
}

/** Lets the leader's stamp follow its monotonic clock. */
export function advanceTime(s: State, leading: Leading): void {
  leading.time += Math.min(s.now - leading.timeAt, TIME_STEP_MS_MAX);
  leading.timeAt = s.now;
}

/** Tracks exactly the members in force, other than this node. */
function syncProgress(s: State, leading: Leading): void {
  const { members } = s.members.effective.membership;
  for (const [key, progress] of leading.progress) {
    if (members.has(key)) continue;
    if (progress.isSendingSnapshot) s.out.cancelSnapshot(key, progress.session);
    leading.progress.delete(key);
  }
  for (const key of members.keys()) {
    if (key === s.self || leading.progress.has(key)) continue;
    leading.lastSession += 1;
    leading.progress.set(key, new Progress(key, s.log.lastIndex + 1, leading.lastSession, s.now));
  }
}

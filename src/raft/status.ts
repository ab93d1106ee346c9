import type { MemberKey } from "../base/index.ts";
import type { CoreStatus, PeerStatus } from "./core-types.ts";
import { shownRole } from "./role.ts";
import type { State } from "./state.ts";

const NOBODY: readonly never[] = [];

/** A picture of the state for others; nothing in it changes later. */
export function statusOf(s: State): CoreStatus {
  const { log, members, leading } = s;
  return {
    role: shownRole(s),
    term: s.hard.term,
    vote: s.hard.vote,
    leader: s.leader,
    commit: s.commit,
    applied: s.applied,
    appliedTerm: log.termAt(s.applied) ?? 0,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    firstIndex: log.firstIndex,
    durableIndex: s.durability.index,
    snapshotIndex: s.snapshot?.index ?? 0,
    membership: members.effective.membership,
    membershipIndex: members.effective.index,
    committedMembership: members.committed.membership,
    committedMembershipIndex: members.committed.index,
    leaderContact: leading === undefined ? s.leaderContact : s.now,
    isTransferring: leading?.transfer !== undefined,
    duplicates: s.duplicates.size === 0 ? NOBODY : [...s.duplicates],
    peers: peersOf(s),
    unconnected: s.leading === undefined ? unconnectedOf(s) : NOBODY,
  };
}

function unconnectedOf(s: State): readonly MemberKey[] {
  const found: MemberKey[] = [];
  for (const key of s.members.effective.membership.members.keys())
    if (key !== s.self && s.peers.get(key)?.isConnected !== true) found.push(key);
  return found;
}

function peersOf(s: State): readonly PeerStatus[] {
  const peers: PeerStatus[] = [];
  for (const progress of s.leading?.progress.values() ?? []) {
    const { key, match, next, applied, state, contact } = progress;
    const { isConnected = false, version = "", commandVersion = 0 } = s.peers.get(key) ?? {};
    const { isCaughtUp } = progress;
    peers.push({
      key,
      match,
      next,
      applied,
      state,
      lastContact: contact,
      isConnected,
      isCaughtUp,
      version,
      commandVersion,
    });
  }
  return peers;
}

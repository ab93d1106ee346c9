import type { BootId, MemberKey } from "../base/index.ts";
import type { RaftEvent } from "./event.ts";
import { becomeFollower } from "./follower.ts";
import { hasQuorum } from "./quorum.ts";
import { send } from "./send.ts";
import type { Peer, State } from "./state.ts";

/** Strangers that are remembered; members always are. */
const PEERS_MAX = 1000;

/** What is known of the process behind a pair. */
export function peerOf(s: State, key: MemberKey): Peer {
  const known = s.peers.get(key);
  if (known !== undefined) return known;
  if (s.peers.size >= PEERS_MAX) forgetStrangers(s);
  const peer: Peer = { boot: undefined, isFromHello: false, isConnected: false, heardAt: -Infinity };
  s.peers.set(key, peer);
  return peer;
}

/** A connection is up: this very process speaks for the pair from now on. */
export function onHello(s: State, hello: Extract<RaftEvent, { kind: "hello" }>): void {
  const peer = peerOf(s, hello.key);
  peer.boot = hello.boot;
  peer.isFromHello = true;
  peer.isConnected = true;
  peer.heardAt = s.now;
  if (isRolledBack(s, hello)) return distrust(s, hello.key);
  const { leading } = s;
  const progress = leading?.progress.get(hello.key);
  if (leading === undefined || progress === undefined) return;
  if (progress.isSendingSnapshot) s.out.cancelSnapshot(progress.key, progress.session);
  leading.lastSession += 1;
  progress.restart(leading.lastSession);
  // Speak to it at once, entries or not: it may have lost whatever was on its way.
  leading.wantsRound = true;
}

export function onPeerDown(s: State, key: MemberKey, boot: BootId): void {
  const peer = s.peers.get(key);
  if (peer === undefined || peer.boot !== boot) return;
  peer.isConnected = false;
  const progress = s.leading?.progress.get(key);
  if (progress?.state === "replicate") progress.becomeProbe(progress.match + 1);
}

/** Two live processes claim one pair: neither counts, and if it is this one it neither leads nor acknowledges itself. */
export function onDuplicatePair(s: State, key: MemberKey, isPresent: boolean): void {
  if (isPresent) s.duplicates.add(key);
  else s.duplicates.delete(key);
  if (isPresent && key === s.self && s.role !== "follower") {
    becomeFollower(s, s.hard.term, "another process claims this pair");
  }
  if (s.leading !== undefined) s.leading.isCommitDirty = true;
}

/**
 * Whether a new process of a pair knows less than an older one acknowledged here: its folder was put back. Only a new
 * process is judged, as the counter of a live one may be told late.
 */
function isRolledBack(s: State, { key, boot, seq }: Extract<RaftEvent, { kind: "hello" }>): boolean {
  const acked = s.ackedSeq.get(key);
  return acked !== undefined && acked.boot !== boot && seq < acked.seq;
}

/** Its promises are void. Nobody is accused if too few trusted voters were left to go on. */
function distrust(s: State, key: MemberKey): void {
  const isTrusted = (voter: MemberKey): boolean => voter !== key && !s.distrusted.has(voter);
  if (!hasQuorum(s.members.effective.membership, isTrusted)) {
    s.out.mark("rolled-back-not-accused");
    return;
  }
  s.distrusted.add(key);
  s.out.mark("rolled-back-accused");
  send(s, { to: key }, { kind: "replaced", reason: "rolled-back", at: s.commit });
}

function forgetStrangers(s: State): void {
  const { members } = s.members.effective.membership;
  for (const key of s.peers.keys()) if (!members.has(key)) s.peers.delete(key);
}

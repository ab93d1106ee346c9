import type { BootId, MemberKey } from "../base/index.ts";
import type { RaftEvent } from "./event.ts";
import { becomeFollower } from "./follower.ts";
import { judgeProcess } from "./rollback.ts";
import type { Peer, State } from "./state.ts";

/** Strangers that are remembered; members always are. */
const PEERS_MAX = 1000;

/** What is known of the process behind a pair. */
export function peerOf(s: State, key: MemberKey): Peer {
  const known = s.peers.get(key);
  if (known !== undefined) return known;
  if (s.peers.size >= PEERS_MAX) forgetStrangers(s);
  const peer: Peer = {
    boot: undefined,
    startSeq: undefined,
    isFromHello: false,
    isConnected: false,
    heardAt: -Infinity,
    version: "",
    commandVersion: 0,
  };
  s.peers.set(key, peer);
  return peer;
}

/** A connection is up: this very process speaks for the pair from now on. */
export function onHello(s: State, hello: Extract<RaftEvent, { kind: "hello" }>): void {
  const peer = peerOf(s, hello.key);
  const isOtherProcess = peer.boot !== hello.boot;
  peer.boot = hello.boot;
  peer.isFromHello = true;
  peer.isConnected = true;
  peer.heardAt = s.now;
  peer.startSeq = hello.seq;
  peer.version = hello.version;
  peer.commandVersion = hello.commandVersion;
  judgeProcess(s, hello);
  const { leading } = s;
  const progress = leading?.progress.get(hello.key);
  if (leading === undefined || progress === undefined) return;
  if (progress.isSendingSnapshot) s.out.cancelSnapshot(progress.key, progress.session);
  leading.lastSession += 1;
  if (isOtherProcess) progress.forget({ target: s.log.lastIndex, startedAt: s.now });
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
  s.out.observe({ kind: "duplicate", key, isPresent });
  if (isPresent && key === s.self && s.role !== "follower") {
    becomeFollower(s, s.hard.term, "another process claims this pair");
  }
  if (s.leading !== undefined) s.leading.isCommitDirty = true;
}

function forgetStrangers(s: State): void {
  const { members } = s.members.effective.membership;
  for (const key of s.peers.keys()) if (!members.has(key)) s.peers.delete(key);
}

import type { BootId, MemberKey } from "../base/index.ts";
import { isElectable, startPreVote } from "./election.ts";
import type { State } from "./state.ts";

/** The first try comes within so many ms, at random, so that two nodes rarely start together. */
const SPREAD_MS = 50;
/** Tries after the first. */
const RETRIES = 3;

/** The leader's process is known gone: this voter stops protecting it and tries to replace it at once. */
export function onLeaderGone(s: State, key: MemberKey, boot: BootId): void {
  if (key !== s.leader || boot !== s.leaderBoot || key === s.self || s.isLeaderGone) return;
  s.isLeaderGone = true;
  s.fast = { gone: key, at: s.now + SPREAD_MS * s.options.random(), triesLeft: RETRIES + 1 };
  s.out.mark("leader-known-gone");
}

export function tryFastFailover(s: State): void {
  const { fast } = s;
  if (fast === undefined || s.now < fast.at) return;
  fast.at = Infinity;
  if (s.role !== "follower" || !isElectable(s) || fast.triesLeft === 0) return;
  fast.triesLeft -= 1;
  s.out.mark("fast-failover");
  startPreVote(s, true);
}

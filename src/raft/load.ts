import { assert, type LogIndex } from "../base/index.ts";
import type { Entry } from "./entry.ts";
import type { State } from "./state.ts";

/** Entries asked for at once; the driver bounds them in bytes too. */
const LOAD_COUNT_MAX = 4096;
/** After an empty answer the disk is not asked again at once. */
const RETRY_MS = 20;

/** Asks for entries that applying or a follower needs and that are not in memory: one load at a time, in turns. */
export function orderLoad(s: State): void {
  if (s.isLoading || s.now < s.loadRetryAt) return;
  const forApply = wantedByApply(s);
  const forFollower = wantedByFollower(s);
  const isForApply = forApply !== undefined && (forFollower === undefined || !s.wasLoadForApply);
  const from = isForApply ? forApply : forFollower;
  if (from === undefined) return;
  s.isLoading = true;
  s.wasLoadForApply = isForApply;
  s.out.load = { from, to: Math.min(s.log.cache.first, from + LOAD_COUNT_MAX) };
}

/** Takes what was read, as far as it is still the log: it may have been compacted or truncated meanwhile. */
export function onEntriesLoaded(s: State, entries: readonly Entry[]): void {
  s.isLoading = false;
  const current: Entry[] = [];
  for (const entry of entries) {
    if (entry.index <= s.log.base.index) continue;
    if (s.log.termAt(entry.index) !== entry.term || s.log.chainAt(entry.index) !== entry.chain) break;
    assert(current.length === 0 || current.at(-1)?.index === entry.index - 1, "Loaded entries must follow each other");
    current.push(entry);
  }
  if (current.length === 0) s.loadRetryAt = s.now + RETRY_MS;
  else s.log.cache.setLoaded(current);
}

function wantedByApply(s: State): LogIndex | undefined {
  const next = s.applied + 1;
  if (s.installing !== undefined || next > Math.min(s.commit, s.durability.index)) return undefined;
  return next >= s.log.cache.first || s.log.cache.get(next) !== undefined ? undefined : next;
}

function wantedByFollower(s: State): LogIndex | undefined {
  if (s.leading === undefined) return undefined;
  for (const progress of s.leading.progress.values()) {
    if (progress.isLoading && progress.next < s.log.cache.first && s.log.cache.get(progress.next) === undefined) {
      return progress.next;
    }
  }
  return undefined;
}

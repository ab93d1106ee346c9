import { AMNESIA_MARKS } from "./faults/amnesia-matrix.ts";

/** Rare states that a sweep must reach: a simulator that never gets there proves nothing about them. */
export const WANTED_MARKS = [
  "leader elected",
  "split vote",
  "leader deposed with uncommitted suffix",
  "suffix truncated",
  "membership entry truncated",
  "old-term entries committed through a no-op",
  "vote refused",
  "pre-vote refused",
  "check-quorum step-down",
  "read pending at crash",
  "read retried",
  "snapshot taken",
  "snapshot received",
  "snapshot installed",
  "snapshot transfer cut",
  "snapshot resumed",
  "snapshot over a longer log",
  "chunk of a given up transfer",
  "damaged entry on the wire",
  "compaction past a follower",
  "crash in mid install",
  "crash with unsynced transaction kept",
  "crash with unsynced transaction lost",
  "crash at a chosen send",
  "crash before fsync",
  "crash between fsync and acknowledgement",
  "crash in snapshot write",
  "fsync failed",
  "disk full on leader",
  "all nodes down",
  "reply of an earlier term",
  "append below commit",
  "leader removed itself",
  "joint membership",
  "member replaced",
  "wiped disk returned",
  "learner promoted",
  "vote request of a non-member",
  "removed node told",
  "transfer done",
  "leader known gone",
  "two boots of one pair",
  "proposal unknown",
  "overlapping leaders",
  "pause longer than an election",
  "restart within a tick",
  "clock jumped",
  "lock acquired",
  "write repeated under its key",
  "watcher woken",
  "feed began anew",
  "split vote of three rounds",
  "Figure 8: an older entry on a quorum, not committed",
  "candidate with a newer term and a shorter log",
  "read pending at step-down",
  "read pending at a pause",
  "core: read-before-own-commit",
  "two snapshots close together",
  "append while a snapshot is installed",
  "crash between commit and apply",
  "crash between snapshot and log trim",
  "full disk led to a transfer",
  "all nodes lose power",
  "vote reply doubled",
  "learner promoted in a partition",
  "leader crashed with a membership not committed",
  "proposal refused as overloaded",
  "expiry races a renewal",
  "lock acquire races the end of its session",
  "watch at the compaction index",
  "watch on a future index",
  "clock jump while a renewal is on its way",
  "folder put back",
  "folder put back was told",
  "leader lost with a folder that is put back",
  "transactions found missing",
  "clone of a live process",
  "former disk returned",
  "damaged entries removed at the start",
  "damaged entries removed when read",
  "damaged log not trusted",
  "all snapshots rotten",
  "leader elected among mixed releases",
  "raise refused as too early",
  "old release not let in",
  "cluster version raised",
  "command of a newer version",
] as const;

export type Mark = (typeof WANTED_MARKS)[number];

/** How often each state was reached. */
export class Marks {
  readonly #counts = new Map<string, number>();

  hit(mark: Mark): void {
    this.add(mark, 1);
  }

  /** Marks that the core names itself are counted under their own names. */
  add(mark: string, count: number): void {
    this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + count);
  }

  entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  count(mark: string): number {
    return this.#counts.get(mark) ?? 0;
  }

  unreached(): readonly string[] {
    return [...WANTED_MARKS, ...AMNESIA_MARKS].filter((mark) => !this.#counts.has(mark));
  }
}

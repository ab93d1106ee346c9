import type { Mark } from "./marks.ts";

/**
 * The rare states that a long sweep must reach, and the marks that tell so. A crash is between two steps when it hits what
 * lies between them on the disk or in the process.
 */
export const RARE_STATES: readonly { readonly state: string; readonly marks: readonly Mark[] }[] = [
  { state: "split vote, three rounds", marks: ["split vote", "split vote of three rounds"] },
  { state: "leader deposed with an uncommitted suffix", marks: ["leader deposed with uncommitted suffix"] },
  { state: "Figure 8", marks: ["Figure 8: an older entry on a quorum, not committed"] },
  { state: "conflicting suffix truncated", marks: ["suffix truncated"] },
  { state: "membership entry truncated", marks: ["membership entry truncated"] },
  { state: "old-term entries committed through a no-op", marks: ["old-term entries committed through a no-op"] },
  { state: "candidate with a newer term and a shorter log", marks: ["candidate with a newer term and a shorter log"] },
  { state: "pre-vote refused", marks: ["pre-vote refused"] },
  { state: "check-quorum step-down", marks: ["check-quorum step-down"] },
  { state: "read pending at step-down, at a pause", marks: ["read pending at step-down", "read pending at a pause"] },
  { state: "first read before the no-op is committed", marks: ["core: read-before-own-commit"] },
  { state: "snapshot over a longer, conflicting log", marks: ["snapshot over a longer log"] },
  { state: "two snapshots close together", marks: ["two snapshots close together"] },
  { state: "snapshot racing an append", marks: ["append while a snapshot is installed"] },
  { state: "compaction past a follower", marks: ["compaction past a follower"] },
  { state: "restart in mid install", marks: ["crash in mid install"] },
  {
    state: "crash between append, fsync, acknowledgement, apply, snapshot, compaction",
    marks: [
      "crash at a chosen send",
      "crash before fsync",
      "crash between fsync and acknowledgement",
      "crash between commit and apply",
      "crash in snapshot write",
      "crash between snapshot and log trim",
    ],
  },
  {
    state: "torn tail",
    marks: ["crash with unsynced transaction kept", "crash with unsynced transaction lost"],
  },
  { state: "silent short log detected", marks: ["transactions found missing", "folder put back was told"] },
  {
    state: "checksum hit, and made good from peers",
    marks: [
      "damaged entries removed at the start",
      "damaged entries removed when read",
      "damaged log not trusted",
      "all snapshots rotten",
    ],
  },
  { state: "fsync failure, quarantine", marks: ["fsync failed"] },
  { state: "full disk on the leader, transfer", marks: ["disk full on leader", "full disk led to a transfer"] },
  { state: "power cut of all nodes", marks: ["all nodes down", "all nodes lose power"] },
  { state: "doubled vote reply", marks: ["vote reply doubled"] },
  { state: "append older than the commit index", marks: ["append below commit"] },
  { state: "reply of an earlier term", marks: ["reply of an earlier term"] },
  { state: "message to a removed node", marks: ["removed node told"] },
  { state: "leader removed itself", marks: ["leader removed itself"] },
  { state: "learner promoted in a partition", marks: ["learner promoted in a partition"] },
  {
    state: "change of members, crash before its commit",
    marks: ["leader crashed with a membership not committed"],
  },
  { state: "vote request of a non-member", marks: ["vote request of a non-member"] },
  { state: "session expiry racing a renewal", marks: ["expiry races a renewal"] },
  { state: "lock acquire racing the end of the session", marks: ["lock acquire races the end of its session"] },
  { state: "watch at the compaction index", marks: ["watch at the compaction index"] },
  { state: "watch on a future index", marks: ["watch on a future index"] },
  { state: "retry after a commit whose reply was lost", marks: ["write repeated under its key"] },
  { state: "clock jump at a renewal", marks: ["clock jump while a renewal is on its way"] },
  { state: "back-pressure of a full queue", marks: ["proposal refused as overloaded"] },
];

import type { Mutant } from "../mutant.ts";

/** What disks forget, and who may still be believed. */
export const FORGETTING: readonly Mutant[] = [
  {
    number: 101,
    breaks: "a folder that was put back is recognised",
    file: "src/raft/rollback.ts",
    find: "if (boot === peer.boot || peer.startSeq >= seq) return;",
    replace: "if (boot === peer.boot || peer.startSeq >= 0) return;",
    seeds: [22],
  },
  {
    number: 102,
    breaks: "nobody is accused of an old folder by what a message hints",
    file: "src/raft/rollback.ts",
    find: "if (known !== undefined && known.seq >= told.seq) return;",
    replace:
      "if (known !== undefined && known.seq > told.seq) tellRolledBack(s, told.key);\n  if (known !== undefined && known.seq >= told.seq) return;",
    seeds: [9],
  },
  {
    number: 103,
    breaks: "what the disks promised reaches every log",
    file: "src/raft/rollback.ts",
    find: 'appendOwn(s, leading, "check", [encodeCheck(memberSeqs(s))]);',
    replace: 'appendOwn(s, leading, "check", [encodeCheck(memberSeqs(s).filter(({ key }) => key === s.self))]);',
    seeds: [],
  },
  {
    number: 104,
    breaks: "snapshots keep what the disks promised",
    file: "src/node/snapshot-taker.ts",
    find: "seqs: driver.core.memberSeqs(),",
    replace: "seqs: [],",
    seeds: [],
  },
  {
    number: 105,
    breaks: "of two processes of one pair neither counts",
    file: "src/raft/admit.ts",
    find: 'if (s.duplicates.has(message.from)) return "two processes claim this pair";',
    replace: "",
    seeds: [],
  },
  {
    number: 106,
    breaks: "of two processes of one pair neither gets a vote",
    file: "src/raft/admit.ts",
    find: 'if (!s.duplicates.has(from) || (kind !== "vote" && kind !== "pre-vote")) return false;',
    replace: "if (!s.duplicates.has(from) || kind.length > 0) return false;",
    seeds: [],
  },
  {
    number: 107,
    breaks: "an entry is checked when it is read, before it is sent or applied",
    file: "test/sim/disk/log-disk.ts",
    find: "return !image.rotten.has(entry.index);",
    replace: "return entry.index > 0 || image.rotten.size > 0;",
    seeds: [],
  },
];

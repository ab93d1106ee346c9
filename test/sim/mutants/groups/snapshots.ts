import type { Draft } from "../mutant.ts";

/** Snapshots that are taken, sent and installed, and the log behind them. */
export const SNAPSHOTS: readonly Draft[] = [
  {
    breaks: "an entry that the snapshot ends in keeps what follows it (rule 55)",
    file: "src/raft/snapshot-follower.ts",
    find: "if (known?.term === meta.term) {",
    replace: "if (known?.term === meta.term && s.now < 0) {",
  },
  {
    breaks: "a snapshot below the commit index is ignored (rule 56)",
    file: "src/raft/snapshot-follower.ts",
    find: "if (meta.index > s.commit) take(s, meta, from);",
    replace: "take(s, meta, from);",
  },
  {
    breaks: "the snapshot's membership comes into force (rule 57)",
    file: "src/raft/snapshot-follower.ts",
    find: "s.members.reset({ index: membershipIndex, membership });",
    replace: "if (membershipIndex < 0) s.members.reset({ index: membershipIndex, membership });",
  },
  {
    breaks: "a snapshot carries the membership of its own index (rule 63)",
    file: "src/node/snapshot-taker.ts",
    find: "const inForce = driver.core.membershipAt(index);",
    replace:
      "const inForce = { membership: driver.core.status().membership, index: driver.core.status().membershipIndex };",
  },
  {
    breaks: "an install that a crash cut off is finished (rule 58)",
    file: "src/node/boot.ts",
    find: "mustReset: isUnfinishedInstall(meta, stored)",
    replace: "mustReset: isUnfinishedInstall(meta, stored) && meta.index < 0",
  },
  {
    breaks: "the state is restored when the log's reset is durable (rule 58)",
    file: "src/node/turn.ts",
    find: "if (install === undefined || install.ticket > ticket) return;",
    replace: "if (install === undefined) return;",
  },
  {
    breaks: "a failed transfer is tried again (rule 61)",
    file: "src/raft/snapshot-leader.ts",
    find: "progress.isSendingSnapshot = false;",
    replace: "",
  },
  {
    breaks: "the log is kept behind the oldest snapshot",
    file: "src/node/snapshot-taker.ts",
    find: "Math.min(oldest?.index ?? 0, trailing)",
    replace: "lastIndex",
  },
];

import type { Draft } from "../mutant.ts";

/** Appends, and what is committed. */
export const REPLICATION: readonly Draft[] = [
  {
    breaks: "only entries of the own term are counted (rule 19, Figure 8)",
    file: "src/raft/commit.ts",
    find: "if (index <= s.commit || s.log.termAt(index) !== s.hard.term) return;",
    replace: "if (index <= s.commit) return;",
  },
  {
    breaks: "the leader counts itself when its disk has it (rule 20)",
    file: "src/raft/commit.ts",
    find: "return s.duplicates.has(s.self) ? 0 : s.durability.index;",
    replace: "return s.log.lastIndex;",
  },
  {
    breaks: "a follower acknowledges what is durable (rule 21)",
    file: "src/raft/append-follower.ts",
    find: "{ to, durableTo: match },",
    replace: "{ to },",
  },
  {
    breaks: "an old completion does not make an overwritten entry durable (rule 22)",
    file: "src/raft/durability.ts",
    find: "for (const pending of this.#pending) pending.appendTo = Math.min(pending.appendTo, from - 1);",
    replace: "",
  },
  {
    breaks: "a follower commits no more than was compared (rule 23)",
    file: "src/raft/append-follower.ts",
    find: "commitTo(s, Math.min(append.commit, matched));",
    replace: "commitTo(s, Math.min(append.commit, s.log.lastIndex));",
  },
  {
    breaks: "only a real conflict truncates (rule 25)",
    file: "src/raft/append-follower.ts",
    find: "if (log.termAt(entry.index) !== entry.term) break;",
    replace: "break;",
  },
  {
    breaks: "the entry before the first one is compared",
    file: "src/raft/append-follower.ts",
    find: "if (prevIndex >= log.base.index && prevIndex > 0) {",
    replace: "if (prevIndex >= log.base.index && prevIndex < 0) {",
  },
  {
    breaks: "a commit needs a majority (rule 31)",
    file: "src/raft/quorum.ts",
    find: "return sorted[count - quorumSize(count)] ?? 0;",
    replace: "return sorted[count - 1] ?? 0;",
  },
  {
    breaks: "next is above match after a refusal (rule 29)",
    file: "src/raft/progress.ts",
    find: "this.next = Math.max(next, this.match + 1);",
    replace: "this.next = Math.max(1, next - 1);",
  },
  {
    breaks: "what is applied is durable here",
    file: "src/raft/core.ts",
    find: "const to = Math.min(commit, durability.index) + 1;",
    replace: "const to = Math.max(commit, durability.index) + 1;",
  },
  {
    breaks: "a leader begins with an entry of its own (rule 37)",
    file: "src/raft/leader.ts",
    find: 'appendOwn(s, leading, "noop", [NO_DATA]);',
    replace: "",
  },
];

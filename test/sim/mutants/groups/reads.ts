import type { Draft } from "../mutant.ts";

/** Linearizable reads. */
export const READS: readonly Draft[] = [
  {
    breaks: "reads wait for a commit of the own term (rules 67, 68)",
    file: "src/raft/read-index.ts",
    find: "const index = hasCommittedOwnTerm(s, leading) ? s.commit : undefined;",
    replace: "const index = s.commit;",
  },
  {
    breaks: "only rounds that are sent after the read count (rule 69)",
    file: "src/raft/read-index.ts",
    find: "leading.reads.push({ ...read, index, round: leading.round + 1 });",
    replace: "leading.reads.push({ ...read, index, round: leading.round - 1 });",
  },
  {
    breaks: "reads need a quorum (rule 70)",
    file: "src/raft/read-index.ts",
    find: "if (read.round > round) break;",
    replace: "if (read.round > round + 1e9) break;",
  },
  {
    breaks: "a read is served at its index, not before (rule 71)",
    file: "src/node/reads.ts",
    find: "const due = this.#confirmed.filter(({ index }) => index <= applied);",
    replace: "const due = this.#confirmed.filter(({ index }) => index >= 0);",
  },
];

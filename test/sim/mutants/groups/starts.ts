import type { Mutant } from "../mutant.ts";

/** Logs that are larger than what a start is told of them, or than what is removed in one step. */
export const STARTS: readonly Mutant[] = [
  {
    number: 111,
    breaks: "what old entries say of the cluster is known after a start",
    file: "src/raft/recovered-log.ts",
    find: "if (isOwn(entry)) this.#own.push(entry);",
    replace: "",
    seeds: [3],
  },
  {
    number: 112,
    breaks: "an entry that a start was not told whole is no entry in memory",
    file: "src/raft/log.ts",
    find: "new EntryCache(cacheBytesMax, this.#last + 1)",
    replace: "new EntryCache(cacheBytesMax, base.index + 1)",
    seeds: [3],
  },
  {
    number: 113,
    breaks: "the steps in which a log is cut end at the oldest snapshot",
    file: "src/node/log-trimmer.ts",
    find: "Math.min(compactTo, this.#at + stepEntries)",
    replace: "this.#at + stepEntries",
    seeds: [1],
  },
];

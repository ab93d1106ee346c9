import type { Mutant } from "../mutant.ts";

/** Two releases in one cluster. */
export const VERSIONS: readonly Mutant[] = [
  {
    number: 108,
    breaks: "the processes that run are asked before the cluster version is raised",
    file: "src/raft/change-gate.ts",
    find: "return versionProblem(s, change.version);",
    replace: "return versionProblem(s, Math.min(change.version, 0));",
    seeds: [45],
  },
  {
    number: 109,
    breaks: "nobody is let in who does not understand the cluster version",
    file: "src/raft/membership-change.ts",
    find: "if (member.commandVersion >= next.clusterVersion) continue;",
    replace: "if (member.commandVersion > 0) continue;",
    seeds: [274],
  },
  {
    number: 110,
    breaks: "what is new is written only once all members agreed on it",
    file: "test/sim/workload/tiny-machine.ts",
    find: "Math.min(this.#known, this.#agreed())",
    replace: "this.#known",
    seeds: [23],
  },
];

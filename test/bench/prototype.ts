import { say, type Bench } from "./bench.ts";
import type { Shape } from "./contest.ts";
import { startPrototype } from "./prototype-system.ts";
import { konsulSystem } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { konsulWrites, writesBeside } from "./writes-beside.ts";
import { wrk } from "./wrk.ts";

const AIM = 0.75;

/** What Raft, the checks and the whole product cost, over the least that such a write can cost here. */
export const prototype: Bench = {
  name: "prototype",
  summary: "durable writes beside a bare prototype of the same design without Raft, 64 and 256 clients",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("prototype: SKIPPED, there is no wrk");
    const [konsul, bare] = [await konsulSystem.start(), await startPrototype()];
    try {
      const other = {
        name: "prototype",
        pids: () => bare.pids,
        term: async () => Promise.resolve(0),
        load: async (shape: Shape) => wrk(bare.leader, konsulSystem.write, shape),
      };
      await writesBeside("prototype", [konsulWrites(konsul), other], AIM);
    } finally {
      await konsul.stop();
      await bare.stop();
    }
  },
};

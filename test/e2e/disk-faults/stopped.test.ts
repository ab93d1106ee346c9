import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cleanUp } from "../agent-process.ts";
import { startFaultyCluster, type FaultyCluster } from "./faulty-cluster.ts";
import { STOPPED_FAULTS, tryStopped } from "./stopped-faults.ts";
import { TrialTable } from "./trial-table.ts";

const TRIALS = process.env["KONSUL_LONG"] === "1" ? 5 : 1;

const table = new TrialTable();
let cluster: FaultyCluster;
beforeAll(async () => {
  cluster = await startFaultyCluster();
});
afterAll(async () => {
  table.print();
  await cleanUp();
});

describe("a node whose disk does not keep what it promised comes back from the others, and nothing is lost", () => {
  for (const fault of STOPPED_FAULTS) {
    for (const role of ["follower", "leader"] as const) {
      test(`${fault.name}, on a ${role}`, async () => {
        for (let trial = 0; trial < TRIALS; trial += 1) {
          const { lost, wrong, healedMs, log } = await tryStopped(cluster, fault, role);
          expect({ lost, wrong }).toEqual({ lost: [], wrong: [] });
          expect(
            log.includes("it starts anew from the other members") || log.includes("put back to an older one"),
          ).toBe(true);
          const { acknowledged, unknown } = cluster.load;
          table.add(`${fault.name}, ${role}`, healedMs, { acknowledged: acknowledged.size, unknown: unknown.size });
        }
      });
    }
  }
});

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { Island } from "../../storage/island.ts";
import { cleanUp } from "../agent-process.ts";
import { startFaultyCluster } from "./faulty-cluster.ts";
import { devicePlace, plainPlace, smallPlace, type DiskPlace } from "./places.ts";
import { RUNNING_FAULTS, type RunningFault } from "./running-faults.ts";
import { canTrace } from "./tracer.ts";
import { TrialTable } from "./trial-table.ts";

const TRIALS = process.env["KONSUL_LONG"] === "1" ? 5 : 1;
const isRoot = process.getuid?.() === 0;
const hasDevices = Island.isPossible();
if (!canTrace()) console.log("SKIP: failing and slow syncs are made with strace, as root");
if (!isRoot) console.log("SKIP: a full disk is made with a small tmpfs, which needs root");
if (!hasDevices) console.log("SKIP: power cuts and failing devices need root, mkfs.ext4 and loop devices");

const isPossible: Readonly<Record<RunningFault["needs"], boolean>> = {
  nothing: true,
  strace: canTrace(),
  "small-disk": isRoot,
  device: hasDevices,
};
const place: Readonly<Record<RunningFault["needs"], () => DiskPlace>> = {
  nothing: plainPlace,
  strace: plainPlace,
  "small-disk": smallPlace,
  device: devicePlace,
};

const ANEW = "it starts anew from the other members";
const CONFESSED = "A member says that its disk cannot be trusted";

function timesAnew(log: string): number {
  return log.split(ANEW).length - 1;
}

const table = new TrialTable();
let places: readonly DiskPlace[] = [];
afterEach(async () => {
  await cleanUp();
  for (const one of places) one.remove();
  places = [];
});
afterAll(async () => {
  table.print();
  await cleanUp();
});

describe("a disk that fails under a running node loses nothing, and the others serve on", () => {
  for (const fault of RUNNING_FAULTS) {
    for (const role of ["follower", "leader"] as const) {
      test.skipIf(!isPossible[fault.needs])(`${fault.name}, on a ${role}`, async () => {
        places = [0, 1, 2].map(() => place[fault.needs]());
        const cluster = await startFaultyCluster(places.map(({ path }) => path));
        const { load } = cluster;
        for (let trial = 0; trial < TRIALS; trial += 1) {
          const leader = await cluster.leader();
          const at = role === "leader" ? leader : (leader + 1) % 3;
          const own = places[at];
          if (own === undefined) throw new Error("there are three places");
          load.start();
          await load.more(50);
          // An earlier trial may have hit the same process.
          const anewBefore = timesAnew(cluster.nodeAt(at).log());
          const undo = await fault.make({ cluster, place: own, at });
          // The others serve on meanwhile.
          await load.more(50);
          while (fault.isResynced && timesAnew(cluster.nodeAt(at).log()) === anewBefore) await Bun.sleep(10);
          await undo();
          const healedMs = await cluster.untilWhole();
          await load.more(20);
          await load.stop();
          const log = cluster.nodeAt(at).log();
          const isResynced = timesAnew(log) > (fault.isResynced ? anewBefore : 0);
          const isConfessed = cluster.urls.some(
            (_, other) => other !== at && cluster.nodeAt(other).log().includes(CONFESSED),
          );
          if (isResynced !== fault.isResynced || isConfessed !== fault.isConfessed) {
            for (const number of [0, 1, 2])
              console.log(`node-${number}${number === at ? " (the disk's)" : ""}:\n${cluster.nodeAt(number).log()}`);
          }
          const lost: string[] = [];
          for (const url of cluster.urls) lost.push(...(await load.missingAt(url)));
          expect({ lost, wrong: load.wrong, isResynced, isConfessed }).toEqual({
            lost: [],
            wrong: [],
            isResynced: fault.isResynced,
            isConfessed: fault.isConfessed,
          });
          const { acknowledged, unknown } = load;
          table.add(`${fault.name}, ${role}`, healedMs, { acknowledged: acknowledged.size, unknown: unknown.size });
        }
      });
    }
  }

  test.skipIf(!hasDevices)("a power cut of all nodes at once", async () => {
    places = [0, 1, 2].map(() => devicePlace());
    const cluster = await startFaultyCluster(places.map(({ path }) => path));
    const { load } = cluster;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      load.start();
      await load.more(100);
      const ended = [0, 1, 2].map(async (at) => cluster.nodeAt(at).end("SIGKILL"));
      for (const one of places) one.cut?.();
      await Promise.all(ended);
      await load.stop();
      for (const one of places) one.mountAgain?.();
      for (const at of [0, 1, 2]) await cluster.start(at);
      const healedMs = await cluster.untilWhole();
      const lost: string[] = [];
      for (const url of cluster.urls) lost.push(...(await load.missingAt(url)));
      expect({ lost, wrong: load.wrong }).toEqual({ lost: [], wrong: [] });
      const { acknowledged, unknown } = load;
      table.add("a power cut of all", healedMs, { acknowledged: acknowledged.size, unknown: unknown.size });
    }
  });
});

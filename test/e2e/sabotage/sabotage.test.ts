import { afterEach, describe, expect, test } from "bun:test";
import { createPrng } from "../../../src/base/index.ts";
import { Island } from "../../storage/island.ts";
import { cleanUp, KONSUL } from "../agent-process.ts";
import { startFaultyCluster } from "../disk-faults/faulty-cluster.ts";
import { devicePlace, type DiskPlace } from "../disk-faults/places.ts";
import { runFaults, untilReady } from "../network-faults/run-faults.ts";
import { canTrace, syncsBeforeAnswers } from "../sync-trace.ts";
import { createNamespaces, whyNoNamespaces, type Namespaces } from "../three-namespaces.ts";
import { identityIn, playMember } from "./puppet.ts";
import { buildSabotaged, SABOTAGES } from "./sabotaged-build.ts";

const noNamespaces = whyNoNamespaces();
const hasDevices = Island.isPossible();
if (noNamespaces !== undefined) console.log(`SKIP: reads without a quorum: ${noNamespaces}`);
if (!canTrace()) console.log("SKIP: syncs and answers need strace, and the right to use it on other processes");
if (!hasDevices) console.log("SKIP: power cuts need root, mkfs.ext4 and loop devices");

const TERM = 1000;
const RUNS_MAX = 5;

let network: Namespaces | undefined;
let places: readonly DiskPlace[] = [];
afterEach(async () => {
  await network?.remove();
  network = undefined;
  await cleanUp();
  for (const place of places) place.remove();
  places = [];
});

/** Whether a voter that granted a vote, and was killed and started again, grants another candidate its vote, too. */
async function grantsTwice(executable: string): Promise<boolean> {
  const cluster = await startFaultyCluster([], executable);
  for (const at of [0, 1, 2]) await cluster.nodeAt(at).end("SIGKILL");
  const [first, voter, second] = await Promise.all([0, 1, 2].map(async (at) => identityIn(cluster.folderOf(at))));
  const [firstPort = 0, voterPort = 0, secondPort = 0] = cluster.peerPorts;
  if (first === undefined || voter === undefined || second === undefined) throw new Error("there are three nodes");
  await cluster.start(1);
  const one = playMember(first, firstPort, { identity: voter, port: voterPort });
  expect(await one.askForVote(TERM)).toBe(true);
  await cluster.nodeAt(1).end("SIGKILL");
  await one.end();
  await cluster.start(1);
  const other = playMember(second, secondPort, { identity: voter, port: voterPort });
  const isGranted = await other.askForVote(TERM);
  await other.end();
  return isGranted;
}

/** What was acknowledged and is gone after the power of all three nodes was cut. */
async function lostInPowerCut(executable: string): Promise<number> {
  places = [0, 1, 2].map(() => devicePlace());
  const cluster = await startFaultyCluster(
    places.map(({ path }) => path),
    executable,
  );
  const { load } = cluster;
  load.start();
  await load.more(300);
  for (const place of places) place.cut?.();
  for (const at of [0, 1, 2]) await cluster.nodeAt(at).end("SIGKILL");
  await load.stop();
  for (const place of places) place.mountAgain?.();
  for (const at of [0, 1, 2]) await cluster.start(at);
  await Promise.race([cluster.untilWhole(), Bun.sleep(5000)]);
  const found = await load.missingAt(cluster.urls[0] ?? "", { tries: 3, enough: 1 });
  return found.length;
}

describe("what judges the real build rejects a broken one", () => {
  test.skipIf(noNamespaces !== undefined)("reads that ask no quorum are no linearizable history", async () => {
    network = createNamespaces(["--follower-writes=forward"], buildSabotaged(SABOTAGES.readsWithoutQuorum));
    await untilReady(network);
    const prng = createPrng(7);
    let verdict = "";
    for (let run = 0; run < RUNS_MAX && verdict !== "violation"; run += 1) {
      ({ verdict } = await runFaults({ network, prng, run, faults: 5, faultMs: 2000, calmMs: 500 }));
    }
    expect(verdict).toBe("violation");
  });

  test("a voter keeps its vote over a restart; one that does not is seen to vote twice in a term", async () => {
    expect(await grantsTwice(KONSUL)).toBe(false);
    await cleanUp();
    expect(await grantsTwice(buildSabotaged(SABOTAGES.voteNotPersisted))).toBe(true);
  });

  test.skipIf(!hasDevices)("without fsync a power cut of all nodes loses acknowledged writes", async () => {
    expect(await lostInPowerCut(buildSabotaged(SABOTAGES.noSync))).toBeGreaterThan(0);
  });

  test.skipIf(!canTrace())(
    "a trace shows followers that answer before their sync, and nodes that never sync",
    async () => {
      for (const sabotage of [SABOTAGES.answerBeforeSync, SABOTAGES.noSync]) {
        expect(Math.min(...(await syncsBeforeAnswers(buildSabotaged(sabotage))))).toBeLessThan(2);
        await cleanUp();
      }
    },
  );
});

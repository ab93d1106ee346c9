import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { createPrng } from "../../../src/base/index.ts";
import { openFormationFile } from "../../../src/agent/formation-file.ts";
import { cleanUp, launchAgent, temporaryFolder } from "../agent-process.ts";
import { freePorts } from "../free-ports.ts";
import { startFaultyCluster, type FaultyCluster } from "./faulty-cluster.ts";
import { FILES, flip, pickFlip, refusalOf, tryFlip } from "./flipped-bits.ts";

const SAMPLES = process.env["KONSUL_LONG"] === "1" ? 60 : 12;
const SEED = 20_261_127;

afterEach(cleanUp);

let cluster: FaultyCluster;

/** Some writes, a snapshot with more behind it, and the pages of both moved into the files where a graceful end does it. */
async function fill(at: number): Promise<void> {
  const { load, urls } = cluster;
  load.start();
  await load.more(20);
  await fetch(`${urls[at]}/cluster/snapshot?local`, { method: "POST" });
  await load.more(20);
  await load.stop();
}

describe("a flipped bit in a stopped node's file", () => {
  for (const file of FILES) {
    test(`${file}: it serves what was written, has it sent anew, or refuses and says why (seed ${SEED})`, async () => {
      const prng = createPrng(SEED);
      // A member that starts anew is to vote again at once.
      cluster = await startFaultyCluster([], undefined, { KONSUL_AUTOPILOT_SERVER_STABILIZATION_TIME: "0s" });
      const seen = { served: 0, repaired: 0, anew: 0, refused: 0 };
      const refusals = new Set<string>();
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const at = sample % 3;
        await fill(at);
        await cluster.nodeAt(at).end(sample % 2 === 0 ? "SIGKILL" : "SIGTERM");
        const picked = pickFlip(join(cluster.folderOf(at), file), prng);
        if (picked === undefined) {
          await cluster.start(at);
          await cluster.untilWhole();
          continue;
        }
        const { outcome, problem, refusal, log } = await tryFlip(cluster, at, picked);
        seen[outcome] += 1;
        if (refusal !== "") refusals.add(refusal.replaceAll(cluster.folderOf(at), "DIR"));
        if (problem !== undefined) console.log(log);
        const missing = await cluster.load.missingAt(cluster.urls[at] ?? "", { enough: 3 });
        expect({ picked, problem, missing, wrong: cluster.load.wrong }).toMatchObject({
          problem: undefined,
          missing: [],
          wrong: [],
        });
      }
      const { served, repaired, anew, refused } = seen;
      console.log(`figure: a bit in ${file}: ${served} served, ${repaired} repaired, ${anew} anew, ${refused} refused`);
      for (const refusal of refusals) console.log(`figure:   ${refusal}`);
      for (const url of cluster.urls) expect(await cluster.load.missingAt(url, { enough: 3 })).toEqual([]);
    });
  }
});

test("a flipped bit in the promise of a node that waits for its cluster: it waits on, or refuses and says why", async () => {
  const prng = createPrng(SEED);
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const folder = temporaryFolder();
    const formations = openFormationFile(folder, false);
    if (!formations.ok) throw new Error(formations.error);
    formations.value.write({ id: "0123456789abcdef0123456789abcdef", isOwn: sample % 2 === 0 });
    const picked = pickFlip(join(folder, "formation.json"), prng);
    if (picked === undefined) throw new Error("there is such a file");
    flip(picked);
    const [own = 0, ...others] = freePorts(3).map((port) => `127.0.0.1:${port}`);
    const words = ["--port=0", `--data-dir=${folder}`, `--raft-bind-addr=${own}`, "--bootstrap-expect=3"];
    const node = launchAgent([...words, `--join=${[own, ...others].join(",")}`]);
    while (node.child.exitCode === null && !node.log().includes("Waiting for 3 empty nodes")) await Bun.sleep(5);
    const refusal = node.child.exitCode === null ? undefined : await refusalOf(node);
    expect([picked, refusal ?? "waits"]).toEqual([
      picked,
      expect.stringMatching(/^waits$|formation\.json: it is damaged/),
    ]);
    await node.end("SIGKILL");
  }
});

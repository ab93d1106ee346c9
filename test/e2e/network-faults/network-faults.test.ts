import { afterEach, expect, test } from "bun:test";
import { createPrng } from "../../../src/base/index.ts";
import { cleanUp } from "../agent-process.ts";
import { createNamespaces, whyNoNamespaces, type Namespaces } from "../three-namespaces.ts";
import { empty, runFaults, untilReady } from "./run-faults.ts";

const isLong = process.env["KONSUL_LONG"] === "1";
const RUNS = Number(process.env["KONSUL_FAULT_RUNS"] ?? (isLong ? 20 : 2));
const FAULTS = Number(process.env["KONSUL_FAULTS"] ?? 5);
const FAULT_MS = Number(process.env["KONSUL_FAULT_MS"] ?? (isLong ? 8000 : 2500));
const CALM_MS = isLong ? 4000 : 1000;
const SEED = Number(process.env["KONSUL_SEED"] ?? Math.floor(Math.random() * 1e6));

const missing = whyNoNamespaces();
let network: Namespaces | undefined;
afterEach(async () => {
  await network?.remove();
  await cleanUp();
});

if (missing !== undefined) console.log(`SKIP: the network is cut between namespaces: ${missing}`);

test.skipIf(missing !== undefined)(
  `ten clients see one copy while the network is cut in every way (seed ${SEED})`,
  async () => {
    const prng = createPrng(SEED);
    const own = createNamespaces(["--follower-writes=forward"]);
    network = own;
    await untilReady(own);
    let [operations, unknown, caught] = [0, 0, 0];
    for (let run = 0; run < RUNS; run += 1) {
      const result = await runFaults({ network: own, prng, run, faults: FAULTS, faultMs: FAULT_MS, calmMs: CALM_MS });
      process.stderr.write(
        `    figure: run ${run}: ${result.operations} operations, ${result.unknown} unknown (${result.injected.join(", ")})\n`,
      );
      expect([result.verdict, result.counterexample]).toEqual(["linearizable", ""]);
      operations += result.operations;
      unknown += result.unknown;
      caught += Number(result.areLocalReadsCaught);
      await empty(own);
    }
    process.stderr.write(
      `    figure: ${operations} operations, ${((100 * unknown) / operations).toFixed(1)} % unknown; ` +
        `local reads were caught stale in ${caught} of ${RUNS} runs\n`,
    );
    // Reads without a round of the quorum must be told apart: else this test could not fail.
    expect(caught).toBeGreaterThan(0);
    expect(unknown / operations).toBeLessThan(0.05);
  },
  RUNS * (FAULTS * (FAULT_MS + CALM_MS) + 150_000),
);

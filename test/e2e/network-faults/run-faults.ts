import type { Prng } from "../../../src/base/index.ts";
import { createPrng } from "../../../src/base/index.ts";
import { checkHistory, versionedKv } from "../../linearizability/index.ts";
import type { Namespaces } from "../three-namespaces.ts";
import { inject } from "./faults.ts";
import { ask, runClient, type Recorded } from "./workload.ts";

const CLIENTS = 10;
const CHECK_MS_MAX = 20_000;

export interface RunOptions {
  readonly network: Namespaces;
  readonly prng: Prng;
  /** Clients and keys are told apart by it. */
  readonly run: number;
  readonly faults: number;
  readonly faultMs: number;
  readonly calmMs: number;
}

export interface RunResult {
  readonly operations: number;
  readonly unknown: number;
  readonly injected: readonly string[];
  readonly verdict: string;
  /** What cannot be, in words; empty: nothing. */
  readonly counterexample: string;
  /** Reads of a node's own state, taken for linearizable ones, were caught. */
  readonly areLocalReadsCaught: boolean;
}

/** Ten clients for as long as the faults last, and the judgement of what they saw. */
export async function runFaults({ network, prng, run, faults, faultMs, calmMs }: RunOptions): Promise<RunResult> {
  const recorded: Recorded = { operations: [], localReads: [], unknown: 0 };
  const until = performance.now() + faults * (faultMs + calmMs);
  const clients = Array.from({ length: CLIENTS }, async (_, client) =>
    runClient(run * CLIENTS + client, createPrng(prng.next()), { urls: network.urls, until, recorded }),
  );
  const injected: string[] = [];
  for (let fault = 0; fault < faults; fault += 1) {
    injected.push(inject(prng, network));
    await Bun.sleep(faultMs);
    network.heal();
    await Bun.sleep(calmMs);
  }
  await Promise.all(clients);
  const result = checkHistory(versionedKv, recorded.operations, { timeLimitMs: CHECK_MS_MAX });
  const all = [...recorded.operations, ...recorded.localReads];
  const withLocal = checkHistory(versionedKv, all, { timeLimitMs: CHECK_MS_MAX });
  return {
    operations: recorded.operations.length,
    unknown: recorded.unknown,
    injected,
    verdict: result.verdict,
    counterexample: result.verdict === "violation" ? result.counterexample.text : "",
    areLocalReadsCaught: withLocal.verdict === "violation",
  };
}

/** Keys begin anew with each run. */
export async function empty(network: Namespaces): Promise<void> {
  for (const url of network.urls)
    while ((await ask(`${url}/kv/probe?consistent`, "GET"))?.status !== 404) await Bun.sleep(50);
  while ((await ask(`${network.urls[0]}/kv/?recurse`, "DELETE"))?.status !== 200) await Bun.sleep(50);
}

export async function untilReady(network: Namespaces): Promise<void> {
  for (const url of network.urls) while ((await ask(`${url}/health/ready`, "GET"))?.status !== 200) await Bun.sleep(50);
}

import { createPrng } from "../../../src/base/index.ts";
import { runClient, type Recorded } from "../../e2e/network-faults/workload.ts";
import { send, type ClientOptions } from "../request.ts";
import type { Verdict } from "../judge.worker.ts";

const CLIENTS = 3;
const WINDOW_MS = 30_000;

/** Histories of half a minute, each with keys of its own, judged beside the run by the linearizability checker. */
export async function runKvWindows(options: ClientOptions): Promise<void> {
  const { prng, tally, isOver, urls } = options;
  const judge = new Worker(new URL("../judge.worker.ts", import.meta.url).href);
  for (let window = 0; !isOver(); window += 1) {
    const prefix = `kv${window}/`;
    const recorded: Recorded = { operations: [], localReads: [], unknown: 0 };
    const onWrite = (): void => tally.wrote();
    const until = performance.now() + WINDOW_MS;
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) =>
        runClient(client, createPrng(prng.next()), { urls, until, recorded, prefix, onWrite }),
      ),
    );
    for (const { input, output } of recorded.operations) {
      tally.count(
        `kv ${input.kind}`,
        output === undefined ? "unknown" : output.kind === "refused" ? "refused" : "done",
      );
    }
    const judged = new Promise<Verdict>((resolve) => {
      judge.addEventListener("message", ({ data }: MessageEvent<Verdict>) => resolve(data), { once: true });
    });
    judge.postMessage({ operations: recorded.operations, localReads: recorded.localReads });
    const verdict = await judged;
    tally.note(`windows ${verdict.verdict}`);
    if (verdict.areLocalReadsCaught) tally.note("windows whose local reads were caught stale");
    if (verdict.verdict === "violation") tally.violation(`not linearizable: ${verdict.counterexample}`);
    // A write of this window whose outcome is unknown may still come: its keys are nobody's then.
    while (!isOver() && (await send(prng.pick(urls), `DELETE /kv/${prefix}?recurse`)).status !== 200)
      await Bun.sleep(50);
  }
  judge.terminate();
}

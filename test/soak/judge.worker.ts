import { checkHistory, versionedKv } from "../linearizability/index.ts";
import type { Recorded } from "../e2e/network-faults/workload.ts";

const CHECK_MS_MAX = 60_000;

export interface Verdict {
  readonly verdict: "linearizable" | "violation" | "undecided";
  readonly counterexample: string;
  readonly areLocalReadsCaught: boolean;
}

declare const self: Worker;

self.addEventListener("message", ({ data }: MessageEvent<Pick<Recorded, "operations" | "localReads">>) => {
  const result = checkHistory(versionedKv, data.operations, { timeLimitMs: CHECK_MS_MAX });
  const all = checkHistory(versionedKv, [...data.operations, ...data.localReads], { timeLimitMs: CHECK_MS_MAX });
  const verdict: Verdict = {
    verdict: result.verdict,
    counterexample: result.verdict === "violation" ? result.counterexample.text : "",
    areLocalReadsCaught: all.verdict === "violation",
  };
  self.postMessage(verdict);
});

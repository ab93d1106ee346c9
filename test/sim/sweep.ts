import { Marks } from "./marks.ts";
import type { Tally } from "./report.ts";
import type { RunResult } from "./run-seed.ts";
import { runShare, shareText, type Share } from "./sweep-worker.ts";

export interface SweepResult {
  readonly tally: Tally;
  readonly marks: Marks;
  readonly wallMs: number;
}

/** Divides a sweep between worker processes; one runs it here. */
export async function sweep(
  share: Omit<Share, "step">,
  workerCount: number,
  onFailure: (result: RunResult) => void,
): Promise<SweepResult> {
  const startedAt = performance.now();
  const collected = new Collector(onFailure);
  if (workerCount <= 1) runShare({ ...share, step: 1 }, (result) => collected.add(result));
  else {
    const shares = Array.from({ length: workerCount }, (_, number): Share => {
      const count = Math.ceil((share.count - number) / workerCount);
      return { ...share, from: share.from + number, step: workerCount, count };
    });
    await Promise.all(shares.map(async (part) => runInProcess(part, collected)));
  }
  return { tally: collected.tally(), marks: collected.marks, wallMs: performance.now() - startedAt };
}

class Collector {
  readonly marks = new Marks();
  readonly #onFailure: (result: RunResult) => void;
  readonly #failed: RunResult[] = [];
  #passed = 0;
  #events = 0;
  #simulatedMs = 0;
  #cpuMs = 0;
  #acked = 0;
  #faults = 0;

  constructor(onFailure: (result: RunResult) => void) {
    this.#onFailure = onFailure;
  }

  add(result: RunResult): void {
    this.#events += result.events;
    this.#simulatedMs += result.simulatedMs;
    this.#cpuMs += result.cpuMs;
    this.#acked += result.acked;
    this.#faults += result.faults;
    for (const [mark, count] of result.marks) this.marks.add(mark, count);
    if (result.violation === undefined) {
      this.#passed += 1;
      return;
    }
    this.#failed.push(result);
    this.#onFailure(result);
  }

  tally(): Tally {
    return {
      passed: this.#passed,
      failed: this.#failed,
      events: this.#events,
      simulatedMs: this.#simulatedMs,
      cpuMs: this.#cpuMs,
      acked: this.#acked,
      faults: this.#faults,
    };
  }
}

/** A worker that dies without having told that it is done is a failure of the sweep, not silence. */
async function runInProcess(share: Share, collected: Collector): Promise<void> {
  let isDone = false;
  const child = Bun.spawn(
    [process.execPath, new URL("main.ts", import.meta.url).pathname, "--share", shareText(share)],
    {
      stdout: "ignore",
      stderr: "inherit",
      ipc: (message: { readonly result: RunResult } | "done") => {
        if (message === "done") isDone = true;
        else collected.add(message.result);
      },
    },
  );
  const code = await child.exited;
  if (!isDone || code !== 0) throw new Error(`A worker of the sweep ended with code ${code} before its share was done`);
}

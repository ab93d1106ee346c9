import type { RequestOutcome } from "../raft/index.ts";
import type { ChangeOutcome } from "./node-types.ts";

/** Membership changes and transfers that an operator (or autopilot) waits for. */
export class Operations {
  readonly #waiting = new Map<number, { readonly deadline: number; readonly done: (outcome: ChangeOutcome) => void }>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(request: number, deadline: number, done: (outcome: ChangeOutcome) => void): void {
    this.#waiting.set(request, { deadline, done });
  }

  /** False: the request is not an operation. */
  onDone(request: number, outcome: RequestOutcome): boolean {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return false;
    this.#waiting.delete(request);
    if (outcome.kind === "ok") waiting.done({ kind: "ok" });
    else if (outcome.kind === "refused") waiting.done({ kind: "refused", refusal: outcome.refusal });
    else waiting.done({ kind: "unknown", reason: "leadership was lost before it was committed" });
    return true;
  }

  expire(now: number): void {
    for (const [request, { deadline, done }] of this.#waiting) {
      if (deadline > now) continue;
      this.#waiting.delete(request);
      done({ kind: "unknown", reason: "it did not end in time" });
    }
  }

  failAll(reason: string): void {
    for (const { done } of this.#waiting.values()) done({ kind: "unknown", reason });
    this.#waiting.clear();
  }
}

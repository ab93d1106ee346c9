import type { Clock } from "../base/index.ts";
import type { ChangeOutcome } from "../node/index.ts";

/** Rejections of a membership change that pass by themselves in a moment. */
const PASSING: ReadonlySet<string> = new Set(["change-in-progress", "no-own-term-commit", "joint"]);
const RETRY_MS = 50;
/** A leader that has just won has not heard everybody yet: only after this it says that the quorum would be lost. */
export const CONTACT_MS = 1500;

export interface RetryOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly isStopping: () => boolean;
}

/** Tries again while another change is under way; whatever was appended is never tried again. */
export async function retryChange(
  { clock, timeoutMs, isStopping }: RetryOptions,
  attempt: (deadline: number, done: (outcome: ChangeOutcome) => void) => void,
): Promise<ChangeOutcome> {
  const startedAt = clock.now();
  const deadline = startedAt + timeoutMs;
  for (;;) {
    const outcome = await new Promise<ChangeOutcome>((resolve) => attempt(deadline, resolve));
    if (outcome.kind === "ok" || outcome.kind === "unknown") return outcome;
    const { refusal } = outcome;
    const code = refusal.kind === "rejected" ? refusal.code : "";
    const isEarly = code === "would-lose-quorum" && clock.now() - startedAt < CONTACT_MS;
    const isBusy = refusal.kind === "transfer-in-progress" || PASSING.has(code) || isEarly;
    if (!isBusy || clock.now() + RETRY_MS > deadline || isStopping()) return outcome;
    await new Promise<void>((resolve) => void clock.at(clock.now() + RETRY_MS, resolve));
  }
}

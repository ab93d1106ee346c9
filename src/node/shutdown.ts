import type { Clock } from "../base/index.ts";

const LOOK_EVERY_MS = 5;

export interface ShutDownSteps {
  readonly clock: Clock;
  /** Every caller that was taken is answered. */
  readonly isDrained: () => boolean;
  readonly handOver: () => void;
  /** Another node leads, or there is nobody to lead. */
  readonly hasHandedOver: () => boolean;
  readonly isPersisted: () => boolean;
  readonly close: (closed: () => void) => void;
}

/**
 * Drain first, then hand over, then close: a transfer before the drain would turn answers that were on their way into
 * unknown outcomes. Each wait ends at the deadline at the latest.
 */
export function shutDown(steps: ShutDownSteps, deadline: number, done: () => void): void {
  const { clock } = steps;
  const until = (isReached: () => boolean, next: () => void): void => {
    if (isReached() || clock.now() >= deadline) return next();
    clock.at(clock.now() + LOOK_EVERY_MS, () => until(isReached, next));
  };
  until(steps.isDrained, () => {
    steps.handOver();
    // One look later, so that the hand-over's own turn has run.
    clock.at(clock.now() + LOOK_EVERY_MS, () => {
      until(steps.hasHandedOver, () => until(steps.isPersisted, () => steps.close(done)));
    });
  });
}

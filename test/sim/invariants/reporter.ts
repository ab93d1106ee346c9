import type { Scheduler } from "../scheduler.ts";
import { ViolationFound } from "../violation.ts";

/** How a check says that a promise was broken. */
export type Fail = (rule: string, detail: string) => never;

/** Checks are made at a simulated time and end the run. */
export function createReporter(scheduler: Pick<Scheduler, "now">): Fail {
  return (rule, detail) => {
    throw new ViolationFound({ rule, detail, at: scheduler.now });
  };
}

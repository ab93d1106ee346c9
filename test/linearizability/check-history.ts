import { explain, type Counterexample } from "./counterexample.ts";
import type { Model, Operation } from "./operation.ts";
import { searchOrder } from "./search.ts";

export interface CheckOptions {
  /** For the whole history. */
  readonly timeLimitMs?: number;
}

export type CheckResult<Input, Output> =
  | { readonly verdict: "linearizable" }
  | { readonly verdict: "violation"; readonly counterexample: Counterexample<Input, Output> }
  /** Time was up before `key` was decided, and no other key is a violation. */
  | { readonly verdict: "undecided"; readonly key: string };

const TIME_LIMIT_MS = 10_000;

/** Whether clients could tell the history from one of a single copy. Each key is judged for itself. @see Herlihy and Wing 1990 */
export function checkHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  options: CheckOptions = {},
): CheckResult<Input, Output> {
  const deadline = performance.now() + (options.timeLimitMs ?? TIME_LIMIT_MS);
  const isOutOfTime = (): boolean => performance.now() > deadline;
  let undecided: string | undefined;
  // Short ones first: a violation there is found even if a long one takes all the time.
  const keys = [...Map.groupBy(operations, (operation) => operation.key)].toSorted(
    ([, a], [, b]) => a.length - b.length,
  );
  for (const [key, all] of keys) {
    assertTimes(all);
    const result = searchOrder(model, all, isOutOfTime);
    if (result.kind === "violation") {
      const counterexample = explain(model, all, { longest: result.longest, isOutOfTime });
      return { verdict: "violation", counterexample };
    }
    if (result.kind === "undecided") undecided ??= key;
  }
  return undecided === undefined ? { verdict: "linearizable" } : { verdict: "undecided", key: undecided };
}

function assertTimes(operations: readonly Operation<unknown, unknown>[]): void {
  for (const operation of operations) {
    const isOrdered = operation.call <= operation.return;
    if (!isOrdered)
      throw new RangeError(`An operation must not return at ${operation.return} before its call at ${operation.call}`);
    if (operation.output !== undefined && operation.return === Infinity) {
      throw new RangeError(`An operation with an outcome must return: client ${operation.client} at ${operation.call}`);
    }
  }
}

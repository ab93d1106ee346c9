import type { Model, Operation } from "./operation.ts";
import { searchOrder, type LongestOrder } from "./search.ts";

export interface Counterexample<Input, Output> {
  readonly key: string;
  /** The shortest beginning of the key's history that has no legal order; answers after its end count as unknown. */
  readonly operations: readonly Operation<Input, Output>[];
  /** A legal order of as many of them as possible. */
  readonly longestOrder: readonly Operation<Input, Output>[];
  /** The object's state after that order. */
  readonly state: string;
  /** All of it for people. */
  readonly text: string;
}

const ORDER_SHOWN = 12;

/** Explains a violation: cuts the history at the first answer that has no legal order. */
export function explain<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  found: { readonly longest: LongestOrder<State>; readonly isOutOfTime: () => boolean },
): Counterexample<Input, Output> {
  const ends = operations.filter((operation) => operation.output !== undefined).map((operation) => operation.return);
  const sorted = [...new Set(ends)].toSorted((a, b) => a - b);
  // Beginnings of a linearizable history are linearizable: the first bad end can be found by halving.
  let good = -1;
  let bad = sorted.length - 1;
  let cut = operations;
  let { longest } = found;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    const beginning = cutAt(operations, sorted[middle] ?? 0);
    const result = searchOrder(model, beginning, found.isOutOfTime);
    if (result.kind === "undecided") break;
    if (result.kind === "linearizable") good = middle;
    else {
      bad = middle;
      cut = beginning;
      longest = result.longest;
    }
  }
  const order = longest.order.map((place) => cut[place]).filter((operation) => operation !== undefined);
  const state = model.stateText(longest.state);
  const key = operations[0]?.key ?? "";
  return { key, operations: cut, longestOrder: order, state, text: describe(model, cut, { order, state, key }) };
}

/** The history as it was known at `end`. */
function cutAt<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  end: number,
): readonly Operation<Input, Output>[] {
  return operations
    .filter((operation) => operation.call <= end)
    .map((operation) => (operation.return <= end ? operation : { ...operation, return: Infinity, output: undefined }));
}

function describe<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  longest: { readonly order: readonly Operation<Input, Output>[]; readonly state: string; readonly key: string },
): string {
  const line = (operation: Operation<Input, Output>): string => {
    const end = operation.output === undefined ? "..." : operation.return;
    return `  client ${operation.client} [${operation.call}, ${end}] ${model.operationText(operation.input, operation.output)}`;
  };
  const placed = new Set(longest.order);
  const left = operations.filter((operation) => !placed.has(operation)).toSorted((a, b) => a.call - b.call);
  const shown = longest.order.slice(-ORDER_SHOWN);
  const hidden = longest.order.length - shown.length;
  return [
    `Not linearizable: key ${JSON.stringify(longest.key)}, ${operations.length} operations have no legal order`,
    `The longest legal order found${hidden > 0 ? ` (without its first ${hidden})` : ""}:`,
    ...shown.map(line),
    `  leaves the state ${longest.state}`,
    "Not placed, and nothing that may come next is legal:",
    ...left.map(line),
  ].join("\n");
}

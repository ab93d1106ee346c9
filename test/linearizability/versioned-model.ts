import { unreachable } from "../../src/base/index.ts";
import type { Model } from "./operation.ts";

export type VersionedInput =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: string }
  /** Writes if the key's modify index is `expected`; 0: if the key does not exist. */
  | { readonly kind: "cas"; readonly expected: number; readonly value: string }
  /** With `expected`: only if that is the modify index. */
  | { readonly kind: "delete"; readonly expected?: number };

export type VersionedOutput =
  /** `index` is 0 exactly when there is no value. */
  | { readonly kind: "read"; readonly value: string | undefined; readonly index: number }
  /** The change was made; `index`, where the answer tells it, is the key's new modify index. */
  | { readonly kind: "done"; readonly index?: number }
  /** `expected` was another. */
  | { readonly kind: "refused" };

/**
 * A key with a modify index that rises with every write, also over a deletion. After a write whose answer did not
 * tell the index it is undefined: some whole number above `floor` and none of `excluded`.
 */
export interface VersionedState {
  readonly value: string | undefined;
  /** 0 exactly when there is no value. */
  readonly index: number | undefined;
  /** Every later write has an index above this. */
  readonly floor: number;
  /** Sorted. */
  readonly excluded: readonly number[];
}

/** A key-value register with put, get, compare-and-set and delete, compared by modify index. */
export const versionedKv: Model<VersionedState, VersionedInput, VersionedOutput> = {
  initial: { value: undefined, index: 0, floor: 0, excluded: [] },
  step(state, input, output) {
    switch (input.kind) {
      case "get":
        return stepGet(state, output);
      case "put":
        return output?.kind === "refused" ? undefined : write(state, input.value, output);
      case "cas":
        return stepGuarded(state, input.expected, input.value, output);
      case "delete":
        return input.expected === undefined
          ? erase(state, output)
          : stepGuarded(state, input.expected, undefined, output);
      default:
        return unreachable(input);
    }
  },
  stateText(state) {
    const index = state.index ?? `>${state.floor}${state.excluded.map((other) => `, not ${other}`).join("")}`;
    // A deleted key remembers only what later indexes must be above.
    return state.value === undefined ? `nothing (after ${state.floor})` : `${JSON.stringify(state.value)} at ${index}`;
  },
  operationText(input, output) {
    const told = outputText(output);
    switch (input.kind) {
      case "get":
        return `get -> ${told}`;
      case "put":
        return `put ${JSON.stringify(input.value)} -> ${told}`;
      case "cas":
        return `cas at ${input.expected} to ${JSON.stringify(input.value)} -> ${told}`;
      case "delete":
        return `delete${input.expected === undefined ? "" : ` at ${input.expected}`} -> ${told}`;
      default:
        return unreachable(input);
    }
  },
};

function outputText(output: VersionedOutput | undefined): string {
  if (output === undefined) return "?";
  if (output.kind === "refused") return "refused";
  if (output.kind === "done") return output.index === undefined ? "done" : `done at ${output.index}`;
  return output.value === undefined ? "nothing" : `${JSON.stringify(output.value)} at ${output.index}`;
}

function stepGet(state: VersionedState, output: VersionedOutput | undefined): VersionedState | undefined {
  if (output === undefined) return state;
  if (output.kind !== "read" || output.value !== state.value) return undefined;
  return resolve(state, output.index);
}

function stepGuarded(
  state: VersionedState,
  expected: number,
  value: string | undefined,
  output: VersionedOutput | undefined,
): VersionedState | undefined {
  if (output?.kind === "refused") return exclude(state, expected);
  const met = resolve(state, expected);
  if (met === undefined) return undefined;
  return value === undefined ? erase(met, output) : write(met, value, output);
}

/** The state if its index is `index`; undefined if it cannot be. */
function resolve(state: VersionedState, index: number): VersionedState | undefined {
  if (state.index !== undefined) return state.index === index ? state : undefined;
  if (index <= state.floor || state.excluded.includes(index)) return undefined;
  return { value: state.value, index, floor: index, excluded: [] };
}

/** The state if its index is not `index`; undefined if it is. */
function exclude(state: VersionedState, index: number): VersionedState | undefined {
  if (state.index !== undefined) return state.index === index ? undefined : state;
  if (index <= state.floor || state.excluded.includes(index)) return state;
  return { ...state, excluded: [...state.excluded, index].toSorted((a, b) => a - b) };
}

function write(state: VersionedState, value: string, output: VersionedOutput | undefined): VersionedState | undefined {
  const floor = floorAfter(state);
  const index = output?.kind === "done" ? output.index : undefined;
  if (index === undefined) return { value, index: undefined, floor, excluded: [] };
  return index > floor ? { value, index, floor: index, excluded: [] } : undefined;
}

function erase(state: VersionedState, output: VersionedOutput | undefined): VersionedState | undefined {
  if (output?.kind === "refused") return undefined;
  return { value: undefined, index: 0, floor: floorAfter(state), excluded: [] };
}

/** An untold index is at least one above the floor. */
function floorAfter(state: VersionedState): number {
  if (state.index !== undefined) return state.floor;
  let least = state.floor + 1;
  while (state.excluded.includes(least)) least += 1;
  return least;
}

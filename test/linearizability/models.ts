import { unreachable } from "../../src/base/index.ts";
import type { Model } from "./operation.ts";

export type RegisterInput =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: string }
  | { readonly kind: "cas"; readonly expected: string; readonly value: string };

export type RegisterOutput =
  | { readonly kind: "read"; readonly value: string | undefined }
  | { readonly kind: "done" }
  /** A compare-and-set that found another value. */
  | { readonly kind: "refused" };

export interface RegisterState {
  readonly value: string | undefined;
}

function shown(value: string | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** One register with compare-and-set; starts without a value. */
export const casRegister: Model<RegisterState, RegisterInput, RegisterOutput> = {
  initial: { value: undefined },
  step(state, input, output) {
    switch (input.kind) {
      case "read":
        return output === undefined || (output.kind === "read" && output.value === state.value) ? state : undefined;
      case "write":
        return { value: input.value };
      case "cas": {
        const isSame = state.value === input.expected;
        if (output !== undefined && isSame !== (output.kind === "done")) return undefined;
        return isSame ? { value: input.value } : state;
      }
      default:
        return unreachable(input);
    }
  },
  stateText: (state) => shown(state.value),
  operationText(input, output) {
    switch (input.kind) {
      case "read":
        return `read -> ${output?.kind === "read" ? shown(output.value) : "?"}`;
      case "write":
        return `write ${shown(input.value)} -> ${output?.kind ?? "?"}`;
      case "cas":
        return `cas ${shown(input.expected)} to ${shown(input.value)} -> ${output?.kind ?? "?"}`;
      default:
        return unreachable(input);
    }
  },
};

export type AppendInput =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: string }
  | { readonly kind: "append"; readonly value: string };

export interface AppendOutput {
  /** What a get returned; empty for changes. */
  readonly value: string;
}

/** A key's text with get, put and append; starts empty. */
export const appendKv: Model<string, AppendInput, AppendOutput> = {
  initial: "",
  step(state, input, output) {
    switch (input.kind) {
      case "get":
        return output === undefined || output.value === state ? state : undefined;
      case "put":
        return input.value;
      case "append":
        return state + input.value;
      default:
        return unreachable(input);
    }
  },
  stateText: (state) => JSON.stringify(state),
  operationText(input, output) {
    if (input.kind === "get") return `get -> ${output === undefined ? "?" : JSON.stringify(output.value)}`;
    return `${input.kind} ${JSON.stringify(input.value)} -> ${output === undefined ? "?" : "done"}`;
  },
};

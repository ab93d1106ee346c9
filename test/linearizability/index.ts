export { checkHistory, type CheckOptions, type CheckResult } from "./check-history.ts";
export type { Counterexample } from "./counterexample.ts";
export * from "./models.ts";
export type { Model, Operation } from "./operation.ts";
export * from "./versioned-model.ts";

export type { ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
export { Replica, type ReadTerms, type ReplicaLimits, type ReplicaOptions, type Stance } from "./replica.ts";

export type { MembershipOutcome, ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
export { Replica, type ReadTerms, type ReplicaLimits, type ReplicaOptions } from "./replica.ts";
export type { Stance } from "./vigil.ts";

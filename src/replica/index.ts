export type { MembershipOutcome, ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
export { Registry, type HeartbeatOutcome } from "./registry.ts";
export { SessionKeeper, type RenewOutcome } from "./session-keeper.ts";
export { CONTACT_MS, Replica, type ReadTerms, type ReplicaLimits, type ReplicaOptions } from "./replica.ts";
export type { Stance } from "./vigil.ts";

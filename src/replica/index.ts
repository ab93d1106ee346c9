export type { MembershipOutcome, ReadFailure, WriteOutcome, WriteRefusal } from "./outcome.ts";
export { Registry, type HeartbeatOutcome } from "./registry.ts";
export { SessionKeeper, type RenewOutcome } from "./session-keeper.ts";
export type { ReadTerms } from "./reads.ts";
export { Replica } from "./replica.ts";
export type { ReplicaLimits, ReplicaOptions } from "./replica-options.ts";
export { CONTACT_MS } from "./retry-change.ts";
export type { Stance } from "./vigil.ts";

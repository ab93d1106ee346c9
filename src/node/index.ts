export * from "./node-types.ts";
export * from "./options.ts";
export * from "./ports.ts";
export { openRaftNode } from "./raft-node.ts";
export type { Member, MembershipChange } from "../raft/index.ts";
export { recover, type Recovered } from "./boot.ts";

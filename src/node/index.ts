export * from "./node-types.ts";
export * from "./options.ts";
export * from "./ports.ts";
export { openRaftNode } from "./raft-node.ts";
export { spareVoters, type Member, type MembershipChange } from "../raft/index.ts";
export { recover, type Recovered } from "./boot.ts";

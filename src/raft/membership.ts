import type { Incarnation, LogIndex, MemberKey, NodeId } from "../base/index.ts";

/** What the cluster knows of one member. Role and metadata live in ONE entry, so they cannot drift apart. */
export interface Member {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly name: string;
  /** HOST:PORT of the peer port as others reach it; empty for a cluster of one without a peer port. */
  readonly address: string;
  /** URL or HOST:PORT of the HTTP API as clients reach it. */
  readonly httpAddress: string;
  /** Redundancy zone; empty: none. */
  readonly zone: string;
  /** Software version. */
  readonly version: string;
  /** Highest command version that this member's binary understands. */
  readonly commandVersion: number;
  /** A read replica for good: never promoted. */
  readonly nonVoter: boolean;
  /** Index of the entry that admitted this pair: orders the incarnations of one id. */
  readonly admitted: LogIndex;
  /** By which this pair proves itself in handshakes. Named by the entry that admits the pair, and never changed. Empty: none. */
  readonly publicKey: string;
}

/**
 * The members and their roles. Joint exactly while `outgoing` is not empty; then every quorum needs a majority of
 * both halves. No key is voter and learner at once. @see Raft §6, thesis §4
 */
export interface Membership {
  readonly voters: readonly MemberKey[];
  readonly outgoing: readonly MemberKey[];
  readonly learners: readonly MemberKey[];
  /** Voters of the outgoing half that become learners when the joint state is left. */
  readonly learnersNext: readonly MemberKey[];
  readonly autoLeave: boolean;
  readonly members: ReadonlyMap<MemberKey, Member>;
  /** Commands and formats in force; raised only by an explicit change. */
  readonly clusterVersion: number;
}

export const EMPTY_MEMBERSHIP: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: true,
  members: new Map(),
  clusterVersion: 1,
};

/** One wish of an operator or of autopilot. Several in one request become one joint change. */
export type MembershipChange =
  | { readonly kind: "add-learner"; readonly member: Member }
  | { readonly kind: "promote"; readonly key: MemberKey }
  | { readonly kind: "demote"; readonly key: MemberKey }
  | { readonly kind: "remove"; readonly key: MemberKey }
  /** New metadata (address, name, version …) of the same pair; the role stays. */
  | { readonly kind: "update"; readonly member: Member }
  /** The old pair leaves the voters and the new, empty pair of the same id or address becomes a learner: one simple change. */
  | { readonly kind: "replace"; readonly old: MemberKey; readonly member: Member }
  | { readonly kind: "raise-version"; readonly version: number };

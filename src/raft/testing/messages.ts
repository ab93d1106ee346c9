import type { MemberKey } from "../../base/index.ts";
import type { CoreOptions } from "../core-types.ts";
import type { Entry } from "../entry.ts";
import type { Append, AppendReply, Message, PreVote, Vote } from "../message.ts";
import type { Membership } from "../membership.ts";
import type { SnapshotMeta } from "../snapshot-meta.ts";
import { lonelyNode, type TestNode } from "./cluster.ts";
import { bootstrappedDisk, CLUSTER_ID, entryAfter, EPOCH, membershipOf, type Disk } from "./fixtures.ts";

/** An append behind an entry that `node` has, or that the test names. */
export function append(node: TestNode, more: Partial<Append> = {}): Append {
  const prevIndex = more.prevIndex ?? node.status.lastIndex;
  const known = node.core.entryId(prevIndex);
  return {
    kind: "append",
    prevIndex,
    prevTerm: known?.term ?? 0,
    prevChain: known?.chain ?? 0,
    entries: [],
    commit: 0,
    round: 1,
    session: 1,
    ...more,
  };
}

export function appendReply(more: Partial<AppendReply>): AppendReply {
  return {
    kind: "append-reply",
    ok: true,
    match: 0,
    hintIndex: 0,
    hintTerm: 0,
    round: 1,
    session: 1,
    needSnapshot: false,
    seq: 1,
    applied: 0,
    ...more,
  };
}

export function preVote(lastTerm: number, lastIndex: number, round = 1): PreVote {
  return { kind: "pre-vote", round, lastIndex, lastTerm };
}

export function vote(lastTerm: number, lastIndex: number, transfer = false): Vote {
  return { kind: "vote", lastIndex, lastTerm, transfer };
}

/** A log of these terms behind the bootstrapped first entry of term 1. */
export function diskWith(membership: Membership, terms: readonly number[], voted?: MemberKey): Disk {
  const disk = bootstrappedDisk(membership);
  for (const term of terms) disk.entries.push(entryAfter(disk.entries.at(-1), { term }));
  const term = Math.max(1, ...terms);
  return { ...disk, hard: { term, vote: voted } };
}

/** The entries that would follow an index of a disk's log, with these terms. */
export function entriesAfter(disk: Disk, index: number, terms: readonly number[], fill = 9): Entry[] {
  const entries: Entry[] = [];
  let previous = disk.entries.find((entry) => entry.index === index);
  for (const term of terms) {
    previous = entryAfter(previous, { term, data: new Uint8Array([fill]) });
    entries.push(previous);
  }
  return entries;
}

/** Node `a` of {a,b,c} as the leader of the term behind its log's, its first entry on its own disk. */
export function leaderOf(
  voters: readonly string[] = ["a", "b", "c"],
  terms: readonly number[] = [],
  more: Partial<CoreOptions> = {},
): { readonly node: TestNode; readonly sent: Message[]; readonly disk: Disk; readonly term: number } {
  const disk = diskWith(membershipOf(voters), terms);
  const { node, sent } = lonelyNode("a", disk, more);
  campaign(node);
  const { term } = node.status;
  for (const id of voters) if (id !== "a") node.hear(id, term, { kind: "vote-reply", granted: true });
  node.flush();
  return { node, sent, disk, term };
}

/** Lets the regular timer end and the pre-vote be won; the candidate's vote is durable. */
export function campaign(node: TestNode): void {
  node.now = Math.max(node.now + 1, node.nextWake);
  node.step({ kind: "tick" });
  const round = lastRound(node);
  const term = node.status.term + 1;
  const { voters, outgoing } = node.status.membership;
  for (const key of new Set([...voters, ...outgoing])) {
    if (key === node.key || node.status.role !== "pre-candidate") continue;
    node.hear(key.slice(0, key.indexOf("~")), term, { kind: "pre-vote-reply", round, granted: true });
  }
  node.flush();
}

/** The number of the newest pre-vote round: rounds count up from 1. */
export function lastRound(node: TestNode): number {
  return node.preVoteRound;
}

export function metaAt(
  index: number,
  term: number,
  membership: Membership,
  more: Partial<SnapshotMeta> = {},
): SnapshotMeta {
  return {
    id: `${term}-${index}`,
    clusterId: CLUSTER_ID,
    epoch: EPOCH,
    index,
    term,
    chain: 77,
    time: 5,
    membership,
    membershipIndex: 1,
    seqs: [],
    sizeBytes: 1,
    sha256: "",
    stateHash: "",
    hashVersion: 1,
    format: 1,
    origin: "received",
    ...more,
  };
}

export function ofKind<K extends Message["kind"]>(sent: readonly Message[], kind: K): Extract<Message, { kind: K }>[] {
  return sent.filter((message): message is Extract<Message, { kind: K }> => message.kind === kind);
}

export function lastOfKind<K extends Message["kind"]>(
  sent: readonly Message[],
  kind: K,
): Extract<Message, { kind: K }> | undefined {
  return ofKind(sent, kind).at(-1);
}

import { ByteReader, ByteWriter, toNodeId, type Clock, type MemberKey, type NodeId } from "../base/index.ts";
import type { Identity, Member, NodeStatus, RaftNode } from "../node/index.ts";
import type { PeerCalls, PeerIdentity } from "./peer-calls.ts";
import { decodeStanding } from "./wire.ts";

const VERSION = 1;
const ASK_MS_MAX = 3_000;
const ASK_AGAIN_MS = 5_000;
const CLAIM_EVERY_MS = 5_000;
/** Answers of another cluster during which this node knew no leader of its own, after which it gives way. */
const LEADERLESS_MAX = 3;
/** A member that was not heard for so long may have been started as something else. */
const SILENT_MS = 3_000;

export interface OtherClustersOptions {
  readonly clock: Clock;
  readonly calls: PeerCalls;
  readonly identity: Identity;
  readonly node: RaftNode;
  readonly self: Member;
  readonly joinAddresses: readonly string[];
  /** This node must not serve any longer. */
  readonly onForeign: (reason: string) => void;
}

/**
 * Watches that no two clusters live where there should be one. A node with data compares its cluster with that of its
 * join addresses, each until it has answered once: another one means that this node was started with the wrong folder
 * or the wrong addresses. And whoever answers in the place of a silent member is told where that member belongs: the
 * node may have lost its disk, and been started as a cluster of its own. Returns what ends it.
 */
export function watchOtherClusters(options: OtherClustersOptions): () => void {
  let isOver = false;
  const whileAlive = (task: () => void) => (): void => {
    if (!isOver) task();
  };
  for (const address of options.joinAddresses) {
    if (address !== options.self.address) compare(options, { address, leaderless: 0 }, whileAlive);
  }
  claimAgain(options, whileAlive);
  return () => {
    isOver = true;
  };
}

type Guard = (task: () => void) => () => void;

function compare(
  options: OtherClustersOptions,
  { address, leaderless }: { readonly address: string; readonly leaderless: number },
  whileAlive: Guard,
): void {
  const { calls, clock, identity, node, onForeign } = options;
  const again = (count: number): void =>
    void clock.at(
      clock.now() + ASK_AGAIN_MS,
      whileAlive(() => compare(options, { address, leaderless: count }, whileAlive)),
    );
  const request = { method: "standing", body: new Uint8Array(0), timeoutMs: ASK_MS_MAX };
  calls.ask(address, request, (outcome) => {
    const answer = outcome.kind === "answer" ? attempt(() => decodeStanding(outcome.body)) : undefined;
    if (answer === undefined) return again(leaderless);
    if (answer.standing !== "member" || answer.clusterId === identity.clusterId) return;
    const { leader, membership } = node.status().core;
    // Where this node's own cluster lives, it is the other one that must go: it is told so below.
    const isAlone = membership.members.size <= 1;
    const count = leader === undefined ? leaderless + 1 : 0;
    if (!isAlone && count < LEADERLESS_MAX) return again(count);
    whileAlive(() =>
      onForeign(
        `This node's data belongs to cluster ${identity.clusterId}, but ${address}, which it is told to join, belongs to ` +
          `cluster ${answer.clusterId}: give it the join addresses of its own cluster, or an empty data folder to join the other`,
      ),
    )();
  });
}

function claimAgain(options: OtherClustersOptions, whileAlive: Guard): void {
  const { calls, clock, node } = options;
  const again = whileAlive(() => {
    const { core, self } = node.status();
    for (const key of silentMembers(node.status())) {
      const member = core.membership.members.get(key);
      if (member === undefined || member.address === "" || key === self) continue;
      const claim = { method: "claim", body: encodeClaim(member.id), timeoutMs: ASK_MS_MAX };
      calls.ask(member.address, claim, () => undefined);
    }
    claimAgain(options, whileAlive);
  });
  clock.at(clock.now() + CLAIM_EVERY_MS, again);
}

/** Whom the leader does not hear; without a leader it may be anybody. */
function silentMembers({ core, now }: NodeStatus): readonly MemberKey[] {
  if (core.leader === undefined) return [...core.membership.members.keys()];
  return core.peers.filter(({ lastContact }) => now - lastContact >= SILENT_MS).map(({ key }) => key);
}

/** Says which member should answer at the address that was dialed. */
function encodeClaim(id: NodeId): Uint8Array {
  return new ByteWriter().u8(VERSION).text(id).finish();
}

/**
 * Why this node must stop; undefined: it need not. Only a cluster of one gives way, and only where it bears the name of
 * a member of the other: its first node was started again with an empty folder. @throws MalformedBytes, RangeError, InvalidId
 */
export function answerClaim(
  own: { readonly identity: () => Identity | undefined; readonly node: () => RaftNode | undefined },
  { body, peer }: { readonly body: Uint8Array; readonly peer: PeerIdentity },
): string | undefined {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new RangeError(`version ${version} of a claim is unknown here`);
  const claimed = toNodeId(reader.text());
  const [identity, node] = [own.identity(), own.node()];
  if (identity === undefined || node === undefined || peer.clusterId === "") return undefined;
  if (peer.clusterId === identity.clusterId || claimed !== identity.nodeId) return undefined;
  if (node.status().core.membership.members.size > 1) return undefined;
  return (
    `This node made cluster ${identity.clusterId} by itself, but ${claimed} is a member of cluster ${peer.clusterId}, ` +
    `as ${peer.address} says: was its data lost? Move its data folder away and start it with ${peer.address} as a join ` +
    `address; or, where it shall be a cluster of its own, let it leave the other one there`
  );
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    // A peer of another version: as good as no answer.
    return undefined;
  }
}

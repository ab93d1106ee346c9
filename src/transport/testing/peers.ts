import { memberKey, type Clock, type MemberKey } from "../../base/index.ts";
import type { OutgoingSnapshot, TransportReceiver } from "../../node/index.ts";
import { EMPTY_MEMBERSHIP, type Member, type Message, type SnapshotMeta } from "../../raft/index.ts";
import { NO_PEER_KEY, type PeerKey } from "../peer-key.ts";
import { createTcpTransport } from "../tcp-transport.ts";
import type { TcpTransport } from "../transport-options.ts";

export const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  at: (at, task) => {
    const timer = setTimeout(task, Math.max(0, at - performance.now()));
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (task) => void setImmediate(task),
};

/** A node's transport with a note of all that it heard. */
export interface Peer {
  readonly key: MemberKey;
  readonly transport: TcpTransport;
  readonly log: string[];
  readonly messages: Message[];
  readonly rejected: string[];
  readonly boot: string;
  /** Processes that are known gone. */
  readonly gone: string[];
  /** For a peer that was not started at once. */
  readonly start: () => void;
}

const open: TcpTransport[] = [];
let nextId = 1;

export function startPeer(
  options: {
    readonly clusterId?: string;
    readonly tokens?: readonly string[];
    readonly port?: number;
    readonly id?: string;
    readonly clusterVersion?: number;
    readonly commandVersion?: number;
    readonly bytesPerSecond?: number;
    readonly isStartedLater?: boolean;
    readonly peerKey?: PeerKey;
  } = {},
): Peer {
  nextId += 1;
  const id = options.id ?? `n${nextId}`;
  const incarnation = "00000000000000aa";
  const boot = nextId.toString(16).padStart(16, "0");
  const key = memberKey(id, incarnation);
  const log: string[] = [];
  const messages: Message[] = [];
  const rejected: string[] = [];
  const gone: string[] = [];
  const transport = createTcpTransport({
    clock,
    random: () => 0.5,
    bind: { host: "127.0.0.1", port: options.port ?? 0 },
    self: () => ({
      protocolMin: 1,
      protocolMax: 1,
      clusterId: options.clusterId ?? "c".repeat(32).replaceAll("c", "0"),
      epoch: { counter: 1, random: "00000000" },
      id,
      name: id,
      incarnation,
      boot,
      seq: 3,
      lastIndex: 9,
      version: "0",
      commandVersion: options.commandVersion ?? 1,
      address: "127.0.0.1:1",
    }),
    peerKey: options.peerKey ?? NO_PEER_KEY,
    clusterVersion: () => options.clusterVersion ?? 1,
    tokens: () => options.tokens ?? [],
    tls: () => undefined,
    warn: () => undefined,
    onRejected: (reason) => void rejected.push(reason),
    snapshots: { sendsMax: 1, bytesPerSecond: options.bytesPerSecond ?? Infinity },
  });
  const receiver: TransportReceiver = {
    onMessage: (received) => void messages.push(received),
    onHello: (hello) => void log.push(`hello ${hello.key} seq ${hello.seq}`),
    onPeerDown: (peer) => void log.push(`down ${peer.key}`),
    onPeerGone: (peer) => {
      log.push(`gone ${peer.key}`);
      gone.push(peer.boot);
    },
    onDuplicatePair: (duplicate, isPresent) => void log.push(`duplicate ${duplicate} ${isPresent}`),
    onSnapshotChunk: (chunk, resume) => {
      log.push(`chunk ${chunk.offset} ${chunk.bytes.length} ${chunk.isLast}`);
      resume(chunk.offset + chunk.bytes.length);
    },
  };
  transport.listen();
  const start = (): void => transport.start(receiver);
  if (options.isStartedLater !== true) start();
  open.push(transport);
  return { key, transport, log, messages, rejected, boot, gone, start };
}

export function memberOf(peer: Peer): Member {
  const [id = "", incarnation = ""] = peer.key.split("~");
  return {
    id,
    incarnation,
    name: id,
    address: `127.0.0.1:${peer.transport.port}`,
    httpAddress: "",
    zone: "",
    version: "0",
    commandVersion: 1,
    nonVoter: false,
    admitted: 1,
    publicKey: "",
  };
}

export async function sendSnapshot(from: Peer, to: Peer, sizeBytes: number): Promise<boolean> {
  from.transport.setMembers([memberOf(to)]);
  await until(() => from.log.length > 0);
  const bytes = new Uint8Array(sizeBytes).map((_, at) => at);
  const meta: SnapshotMeta = {
    id: "s",
    clusterId: "0".repeat(32),
    epoch: { counter: 1, random: "00000000" },
    index: 5,
    term: 1,
    chain: 1,
    time: 1,
    membership: EMPTY_MEMBERSHIP,
    membershipIndex: 1,
    seqs: [],
    sizeBytes,
    sha256: "",
    stateHash: "",
    hashVersion: 1,
    format: 1,
    origin: "local",
  };
  return new Promise((resolve) => {
    const snapshot: OutgoingSnapshot = {
      to: to.key,
      session: 1,
      term: 1,
      meta,
      read: (offset, sizeMax, done) => done(bytes.subarray(offset, offset + sizeMax)),
      done: resolve,
    };
    from.transport.sendSnapshot(snapshot);
  });
}

export async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setImmediate(resolve));
}

export function message(from: Peer, to: Peer, round: number): Message {
  return {
    kind: "pre-vote",
    clusterId: "0".repeat(32),
    epoch: { counter: 1, random: "00000000" },
    from: from.key,
    fromBoot: "",
    to: to.key,
    term: 4,
    round,
    lastIndex: 1,
    lastTerm: 1,
  };
}

/** With one entry, of a MiB unless said otherwise. */
export function append(from: Peer, to: Peer, index: number, bytes = 1024 * 1024): Message {
  const { clusterId, epoch, fromBoot, term } = message(from, to, 0);
  const entry = { index, term, kind: "command", time: 1, chain: 1, data: new Uint8Array(bytes).fill(index) } as const;
  return {
    kind: "append",
    clusterId,
    epoch,
    from: from.key,
    fromBoot,
    to: to.key,
    term,
    prevIndex: index - 1,
    prevTerm: 0,
    prevChain: 0,
    entries: [entry],
    commit: 0,
    round: 1,
    session: 1,
  };
}

/** Of all peers that were started. */
export async function stopPeers(): Promise<void> {
  for (const transport of open.splice(0)) await new Promise<void>((resolve) => transport.stop(resolve));
}

import { EMPTY_BYTES, memberKey, ok, type MemberKey, type Result } from "../base/index.ts";
import {
  answerPeer,
  decodeAdmission,
  decodeTraces,
  encodeTraces,
  form,
  invite,
  RecordKeeper,
  watchOtherClusters,
  type AnsweringOptions,
  type FormationStore,
  type PeerCalls,
  type Formed,
  type InviteOutcome,
} from "../cluster/index.ts";
import type { Identity, LogStore, RaftNode } from "../node/index.ts";
import type { TracedEntry } from "../telemetry/index.ts";
import type { Introduction, TcpTransport } from "../transport/index.ts";
import { Forwarding } from "./forwarding.ts";
import { createPeerPort, listenForPeers, type PeerPortOptions, type OwnCluster } from "./peer-port.ts";

const CONFESSION_MS_MAX = 1000;
const TRACE_TIMEOUT_MS = 5000;

export interface PeersOptions extends PeerPortOptions {
  /** The cluster that this node belonged to before its data was lost; empty: none. */
  readonly formerCluster: string;
  readonly formations: FormationStore;
}

/** The peer port: answers others before this node belongs to a cluster, and carries Raft's messages afterwards. */
export class Peers implements OwnCluster {
  readonly transport: TcpTransport;
  readonly forwarding: Forwarding;
  readonly #options: PeersOptions;
  #identity: Identity | undefined;
  /** Where a leader is that wants this node in its cluster. */
  #invitedBy: string | undefined;
  #node: RaftNode | undefined;
  #records: RecordKeeper | undefined;
  #onForeign: ((reason: string) => void) | undefined;
  readonly #answering: AnsweringOptions;
  #onTraces: ((entries: readonly TracedEntry[]) => void) | undefined;
  #startSeq = 0;

  private constructor(options: PeersOptions, transport: TcpTransport) {
    this.#options = options;
    this.transport = transport;
    const { clock, config, self, formerCluster, formations, logger } = options;
    this.#answering = {
      clock,
      self,
      formerCluster,
      formations,
      isBootstrap: config.raft.isBootstrap,
      expect: config.raft.bootstrapExpect,
      identity: () => this.#identity,
      node: () => this.#node,
      onInvited: (address) => {
        this.#invitedBy = address;
      },
      onRefused: ({ code, reason }) => logger.warn("A node was not let in", { code, reason }),
      onClaimed: (reason) => this.#onForeign?.(reason),
    };
    this.forwarding = new Forwarding({
      transport,
      requestTimeoutMs: config.limits.requestTimeoutMs,
      leader: () => this.#node?.status().core.leader,
    });
    transport.serve((call, answer) => this.#answer(call, answer));
  }

  /** Opens the port. The error is a sentence for the operator. */
  static open(options: PeersOptions): Result<Peers, string> {
    const holder: { peers?: Peers } = {};
    const transport = createPeerPort(options, () => holder.peers);
    if (!transport.ok) return transport;
    const peers = new Peers(options, transport.value);
    holder.peers = peers;
    const listening = listenForPeers(options, transport.value);
    return listening.ok ? ok(peers) : listening;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get clusterVersion(): number {
    return this.#node?.status().core.committedMembership.clusterVersion ?? 0;
  }

  get startSeq(): number {
    return this.#startSeq;
  }

  /** From now on this node belongs to a cluster; peers are told how much its log held at the start. */
  identify(identity: Identity, log: LogStore): void {
    this.#identity = identity;
    this.#startSeq = log.initial.seq;
  }

  /** From now on this node can let others in. */
  attach(node: RaftNode): void {
    this.#node = node;
    const { clock, logger } = this.#options;
    const note = (message: string, fields: Readonly<Record<string, string>>): void => logger.warn(message, fields);
    this.#records = new RecordKeeper({ node, clock, calls: this.#calls(), note });
    node.observe({
      onCondition: ({ kind }) => {
        if (kind === "untrusted") this.#confess(node);
      },
    });
  }

  /** Watches that this node's cluster is the one that it should be part of. Returns what ends it. */
  watchOtherClusters(node: RaftNode, identity: Identity, halt: (reason: string) => void): () => void {
    const { clock, config, self, logger } = this.#options;
    const onForeign = (reason: string): void => {
      logger.error("This node is in the wrong cluster, and stops", { reason });
      halt(reason);
    };
    this.#onForeign = onForeign;
    const { joinAddresses } = config.raft;
    return watchOtherClusters({ clock, node, identity, self, joinAddresses, onForeign, calls: this.#calls() });
  }

  /** From now on this node hears which entries belong to a trace. */
  serveTraces(hear: (entries: readonly TracedEntry[]) => void): void {
    this.#onTraces = hear;
  }

  /** Best effort: a peer that does not hear of it, or is too old to understand, has no spans in that trace. */
  tellTraces(to: MemberKey, entries: readonly TracedEntry[]): void {
    this.transport.call(
      to,
      { method: "trace", body: encodeTraces(entries), timeoutMs: TRACE_TIMEOUT_MS },
      () => undefined,
    );
  }

  /** Decides how this node becomes part of a cluster; `known` are addresses where members were once. */
  async form(known: readonly string[] = []): Promise<Formed> {
    const { config, clock, logger, self, formations, formerCluster } = this.#options;
    const { isBootstrap, bootstrapExpect } = config.raft;
    const joinAddresses = [...new Set([...config.raft.joinAddresses, ...known])];
    const note = (message: string): void => logger.info(message);
    return new Promise((resolve) => {
      form(
        {
          clock,
          random: Math.random,
          calls: this.#calls(),
          self,
          isBootstrap,
          formerCluster,
          joinAddresses: () => (this.#invitedBy === undefined ? joinAddresses : [this.#invitedBy, ...joinAddresses]),
          expect: bootstrapExpect,
          formations,
          note,
        },
        resolve,
      );
    });
  }

  /** As the leader: dials the address and lets the node in that answers there. */
  async invite(address: string, id: string | undefined): Promise<InviteOutcome> {
    const [node, identity] = [this.#node, this.#identity];
    if (node === undefined || identity === undefined) return { kind: "not-leading" };
    const { clock, self } = this.#options;
    const options = { node, identity, clock, calls: this.#calls(), ownAddress: self.address };
    return new Promise((resolve) => invite(options, { address, id }, resolve));
  }

  #calls(): PeerCalls {
    return {
      call: this.transport.call.bind(this.transport),
      ask: (address, request, done) =>
        this.transport.ask(address, request, (outcome, peer) =>
          done(outcome, peer === undefined ? undefined : identityOf(peer)),
        ),
    };
  }

  #answer(
    call: { readonly method: string; readonly body: Uint8Array; readonly peer: Introduction },
    answer: (body: Uint8Array) => void,
  ): void {
    const { method, body, peer } = call;
    if (method === "confess") return this.#onConfession(peer, answer);
    if (method === "http") return void this.forwarding.onRequest(body, answer);
    if (method === "record") return answer(this.#takeRecord(body, peer));
    if (method === "trace") this.#onTraces?.(decodeTraces(body));
    if (!answerPeer(this.#answering, { method, body, peer: identityOf(peer) }, answer)) answer(EMPTY_BYTES);
  }

  #onConfession(peer: Introduction, answer: (body: Uint8Array) => void): void {
    answer(EMPTY_BYTES);
    // Only over a connection between members: whoever merely asks has proved a token, but not who it is.
    if (peer.purpose !== "peer") return;
    const { key } = identityOf(peer);
    this.#options.logger.warn("A member says that its disk cannot be trusted: nothing of it counts any more", {
      member: key,
    });
    this.#node?.onConfession({ key, boot: peer.boot });
  }

  /** Tells the connected members that this node's disk broke a promise: they must not count on it, even if it comes back. */
  #confess(node: RaftNode): void {
    const { core, self } = node.status();
    for (const key of core.membership.members.keys()) {
      const request = { method: "confess", body: EMPTY_BYTES, timeoutMs: CONFESSION_MS_MAX };
      if (key !== self) this.transport.call(key, request, () => undefined);
    }
  }

  /** Nobody speaks for another member: the handshake has proved the key that the membership names. */
  #takeRecord(body: Uint8Array, peer: Introduction): Uint8Array {
    const { member } = decodeAdmission(body);
    const isOwn = peer.purpose === "peer" && member.id === peer.id && member.incarnation === peer.incarnation;
    if (isOwn) this.#records?.take(member);
    return EMPTY_BYTES;
  }
}

function identityOf(peer: Introduction): {
  readonly key: string;
  readonly address: string;
  readonly clusterId: string;
} {
  return { key: memberKey(peer.id, peer.incarnation), address: peer.address, clusterId: peer.clusterId };
}

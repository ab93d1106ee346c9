import { readFileSync } from "node:fs";
import {
  CLUSTER_VERSION_MAX,
  EMPTY_BYTES,
  err,
  memberKey,
  ok,
  VERSION,
  type BootId,
  type Clock,
  type MemberKey,
  type Result,
} from "../base/index.ts";
import {
  answerPeer,
  decodeAdmission,
  decodeForwardedAnswer,
  decodeForwardedRequest,
  decodeTraces,
  encodeForwardedAnswer,
  encodeForwardedRequest,
  encodeTraces,
  form,
  invite,
  RecordKeeper,
  watchOtherClusters,
  type AnsweringOptions,
  type FormationStore,
  type ForwardedAnswer,
  type ForwardedRequest,
  type PeerCalls,
  type Formed,
  type InviteOutcome,
} from "../cluster/index.ts";
import type { Config } from "../config/index.ts";
import type { ForwardOutcome } from "../http/index.ts";
import type { Identity, LogStore, Member, RaftNode } from "../node/index.ts";
import type { Logger, Metrics, TracedEntry } from "../telemetry/index.ts";
import {
  createTcpTransport,
  parseHostPort,
  type PeerKey,
  type SelfIntroduction,
  type Introduction,
  type TcpTransport,
} from "../transport/index.ts";
import type { TlsFiles } from "./tls-files.ts";

const FORWARD_GRACE_MS = 2000;
const CONFESSION_MS_MAX = 1000;
const TRACE_TIMEOUT_MS = 5000;

/** A node that does not serve yet has done nothing: the same as one that does not lead. */
const NOT_HERE = encodeForwardedAnswer({ status: 307, headers: [], body: EMPTY_BYTES });

export interface PeersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly boot: BootId;
  readonly self: Member;
  readonly peerKey: PeerKey;
  /** The cluster that this node belonged to before its data was lost; empty: none. */
  readonly formerCluster: string;
  readonly formations: FormationStore;
  /** Undefined: plain TCP. */
  readonly tls: TlsFiles | undefined;
}

/** The peer port: answers others before this node belongs to a cluster, and carries Raft's messages afterwards. */
export class Peers {
  readonly transport: TcpTransport;
  readonly #options: PeersOptions;
  #identity: Identity | undefined;
  /** Where a leader is that wants this node in its cluster. */
  #invitedBy: string | undefined;
  #node: RaftNode | undefined;
  #records: RecordKeeper | undefined;
  #onForeign: ((reason: string) => void) | undefined;
  readonly #answering: AnsweringOptions;
  #answerForwarded: ((request: ForwardedRequest) => Promise<ForwardedAnswer>) | undefined;

  #onTraces: ((entries: readonly TracedEntry[]) => void) | undefined;

  /** Transactions that the log held when this process opened it. */
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
    transport.serve((call, answer) => this.#answer(call, answer));
  }

  /** Opens the port. The error is a sentence for the operator. */
  static open(options: PeersOptions): Result<Peers, string> {
    const { config, clock, logger, metrics } = options;
    const bind = parseHostPort(config.raft.bindAddress);
    if (bind === undefined) return err(`Cannot listen for peers on "${config.raft.bindAddress}": it is no HOST:PORT`);
    const holder: { peers?: Peers } = {};
    const transport = createTcpTransport({
      clock,
      random: Math.random,
      bind,
      peerKey: options.peerKey,
      clusterVersion: () => holder.peers?.clusterVersion ?? 0,
      self: () => introduce(options, holder.peers?.identity, holder.peers?.startSeq ?? 0),
      tokens: () => readTokens(config),
      tls: () =>
        options.tls === undefined
          ? undefined
          : {
              ...options.tls.current,
              isNameChecked: config.raft.tls.isNameChecked,
              minVersion: config.raft.tls.minVersion,
            },
      warn: (message, fields) => logger.warn(message, fields),
      onRejected: (reason) => metrics.increase("konsul_peer_rejected_total", { reason }),
      snapshots: config.snapshots,
    });
    const peers = new Peers(options, transport);
    holder.peers = peers;
    options.tls?.onChange(() => transport.renewCertificates());
    try {
      transport.listen();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      return err(
        `Cannot listen for peers on ${config.raft.bindAddress}: ${why}. Stop what uses it, or set raft.bind_addr`,
      );
    }
    return ok(peers);
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** What every member must understand; 0: this node belongs to no cluster. */
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

  /** From now on this node answers requests that other nodes hand to it as the leader. */
  serveForwarded(answer: (request: ForwardedRequest) => Promise<ForwardedAnswer>): void {
    this.#answerForwarded = answer;
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

  /** Hands a request to the leader, at most once. Undefined: none is known. */
  forward(request: ForwardedRequest): Promise<ForwardOutcome> | undefined {
    const leader = this.#node?.status().core.leader;
    if (leader === undefined) return undefined;
    const { requestTimeoutMs } = this.#options.config.limits;
    const body = encodeForwardedRequest(request);
    return new Promise((resolve) => {
      // The leader gives up after its own request timeout, and says what came of the write: wait a little longer.
      const call = { method: "http", body, timeoutMs: requestTimeoutMs + FORWARD_GRACE_MS };
      this.transport.call(leader, call, (outcome) => {
        resolve(outcome.kind === "answer" ? readForwarded(outcome.body) : outcome);
      });
    });
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
    if (method === "http") return void this.#answerHttp(body, answer);
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

  async #answerHttp(body: Uint8Array, answer: (body: Uint8Array) => void): Promise<void> {
    const request = tryDecode(body);
    if (this.#answerForwarded === undefined || request === undefined) return answer(NOT_HERE);
    answer(encodeForwardedAnswer(await this.#answerForwarded(request)));
  }

  /** Nobody speaks for another member: the handshake has proved the key that the membership names. */
  #takeRecord(body: Uint8Array, peer: Introduction): Uint8Array {
    const { member } = decodeAdmission(body);
    const isOwn = peer.purpose === "peer" && member.id === peer.id && member.incarnation === peer.incarnation;
    if (isOwn) this.#records?.take(member);
    return EMPTY_BYTES;
  }
}

/** Undefined: no request that this version understands. */
function tryDecode(body: Uint8Array): ForwardedRequest | undefined {
  try {
    return decodeForwardedRequest(body);
  } catch {
    return undefined;
  }
}

/** An answer that cannot be read proves nothing about the write. */
function readForwarded(body: Uint8Array): ForwardOutcome {
  try {
    return { kind: "answer", answer: decodeForwardedAnswer(body) };
  } catch (cause) {
    return {
      kind: "lost",
      reason: `its answer cannot be read (${cause instanceof Error ? cause.message : "unknown"})`,
    };
  }
}

function identityOf(peer: Introduction): {
  readonly key: string;
  readonly address: string;
  readonly clusterId: string;
} {
  return { key: memberKey(peer.id, peer.incarnation), address: peer.address, clusterId: peer.clusterId };
}

function introduce(options: PeersOptions, identity: Identity | undefined, seq: number): ReturnType<SelfIntroduction> {
  const { self, boot } = options;
  return {
    protocolMin: 1,
    protocolMax: 1,
    clusterId: identity?.clusterId ?? "",
    epoch: identity?.epoch ?? { counter: 0, random: "00000000" },
    id: self.id,
    name: self.name,
    incarnation: self.incarnation,
    boot,
    seq,
    version: VERSION,
    commandVersion: CLUSTER_VERSION_MAX,
    address: self.address,
  };
}

/** Settings first, then the file, one token a line; read anew each time, so that tokens rotate without a restart. */
function readTokens(config: Config): readonly string[] {
  const { joinTokens, joinTokenFile } = config.raft;
  if (joinTokenFile === "") return joinTokens;
  const lines = readFileSync(joinTokenFile, "utf8").split("\n");
  return [...joinTokens, ...lines.map((line) => line.trim()).filter((line) => line !== "")];
}

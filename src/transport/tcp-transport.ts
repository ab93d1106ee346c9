import type { TCPSocketListener } from "bun";
import { ByteReader, parseMemberKey, type ByteWriter, type MemberKey } from "../base/index.ts";
import type { OutgoingSnapshot, TransportReceiver } from "../node/index.ts";
import { type Member, type Message, type MessageHeader } from "../raft/index.ts";
import { Calls, type CallHandler, type CallOutcome } from "./calls.ts";
import { Connection, type ConnectionEvents } from "./connection.ts";
import { Dialer } from "./dialer.ts";
import type { Frame } from "./frame.ts";
import {
  AcceptorHandshake,
  DialerHandshake,
  notThatMember,
  type HandshakeOptions,
  type RejectReason,
} from "./handshake.ts";
import { keyOf, NONCE_BYTES, type Introduction } from "./introduction.ts";
import { readMessage, writeMessage } from "./message-codec.ts";
import { framesOf } from "./message-frames.ts";
import { isCertificateFor } from "./peer-tls.ts";
import { Presence } from "./presence.ts";
import { SnapshotReceiver, SnapshotSender } from "./snapshot-stream.ts";
import { dial, listen, parseHostPort, type HostPort } from "./sockets.ts";
import type { TcpTransport, TcpTransportOptions } from "./transport-options.ts";

export function createTcpTransport(options: TcpTransportOptions): TcpTransport {
  return new Hub(options);
}

class Hub implements TcpTransport {
  readonly #options: TcpTransportOptions;
  readonly #calls: Calls;
  readonly #presence: Presence;
  readonly #dialers = new Map<MemberKey, Dialer>();
  readonly #receivers = new Map<Connection, SnapshotReceiver>();
  readonly #senders = new Map<Connection, SnapshotSender>();
  readonly #connections = new Set<Connection>();
  #waitingSnapshots: OutgoingSnapshot[] = [];
  #members = new Map<MemberKey, Member>();
  #receiver: TransportReceiver | undefined;
  #listener: TCPSocketListener<Connection> | undefined;
  #isStopped = false;

  constructor(options: TcpTransportOptions) {
    this.#options = options;
    this.#calls = new Calls(options.clock);
    this.#presence = new Presence({
      onUp: (peer) => this.#receiver?.onHello({ key: keyOf(peer), ...peer }),
      onDown: (key, boot) => this.#receiver?.onPeerDown({ key, boot }),
      onDuplicate: (key, isPresent) => this.#receiver?.onDuplicatePair(key, isPresent),
      onReplaced: (key, boot) => this.#receiver?.onPeerGone({ key, boot }),
    });
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.bind.port;
  }

  listen(): void {
    this.#listener ??= this.#listenAt(this.#options.bind);
  }

  renewCertificates(): void {
    const { host } = this.#options.bind;
    const port = this.#listener?.port;
    if (port === undefined) return;
    // The library cannot change the certificate of a listener: another one takes its place at once.
    this.#listener?.stop(false);
    this.#listener = this.#listenAt({ host, port });
  }

  #listenAt(at: HostPort): TCPSocketListener<Connection> {
    return listen(at, this.#options.tls(), (remote) => {
      const handshake = new AcceptorHandshake(this.#handshakeOptions("ask", ""));
      return this.#connect(handshake, remote, this.#peerEvents());
    });
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    for (const connection of this.#presence.all()) {
      const { peer } = connection;
      if (peer !== undefined) receiver.onHello({ key: keyOf(peer), ...peer });
    }
    for (const key of this.#presence.duplicates()) receiver.onDuplicatePair(key, true);
  }

  serve(handler: CallHandler): void {
    this.#calls.serve(handler);
  }

  setMembers(members: readonly Member[]): void {
    const own = keyOf(this.#options.self());
    this.#members = new Map(members.map((member) => [keyOf(member), member] as const).filter(([key]) => key !== own));
    for (const connection of this.#presence.all()) this.#closeImpostor(connection);
    for (const [key, dialer] of this.#dialers) {
      if (this.#members.get(key)?.address === dialer.address) continue;
      dialer.stop();
      this.#dialers.delete(key);
    }
    for (const [key, member] of this.#members) {
      if (this.#dialers.has(key) || member.address === "") continue;
      const dialer = this.#createDialer(member, key);
      this.#dialers.set(key, dialer);
      dialer.dial();
    }
  }

  send(messages: readonly Message[]): void {
    const byPeer = new Map<MemberKey, Message[]>();
    for (const message of messages) {
      const known = byPeer.get(message.to);
      if (known === undefined) byPeer.set(message.to, [message]);
      else known.push(message);
    }
    for (const [key, all] of byPeer) {
      // Lost when there is no connection or its queue is full: Raft sends again what matters.
      const connection = this.#presence.find(key);
      for (const { messages: together, isBulk, bytesMax } of connection === undefined ? [] : framesOf(all)) {
        const write = (out: ByteWriter): void => together.forEach((message) => writeMessage(out, message));
        connection?.sendFrame("messages", write, { isBulk, bytesMax });
      }
    }
  }

  sendSnapshot(snapshot: OutgoingSnapshot): void {
    this.#waitingSnapshots.push(snapshot);
    this.#startSnapshots();
  }

  cancelSnapshot(to: MemberKey, session: number): void {
    const isMeant = (snapshot: OutgoingSnapshot): boolean => snapshot.to === to && snapshot.session === session;
    for (const sender of this.#senders.values()) if (isMeant(sender.snapshot)) sender.finish(false);
    const dropped = this.#waitingSnapshots.filter(isMeant);
    this.#waitingSnapshots = this.#waitingSnapshots.filter((snapshot) => !isMeant(snapshot));
    for (const snapshot of dropped) snapshot.done(false);
  }

  call(
    to: MemberKey,
    request: { readonly method: string; readonly body: Uint8Array; readonly timeoutMs: number },
    done: (outcome: CallOutcome) => void,
  ): void {
    const connection = this.#presence.find(to);
    if (connection === undefined)
      done({ kind: "not-sent", reason: `there is no connection with ${parseMemberKey(to).id}` });
    else this.#calls.call(connection, request, done);
  }

  ask(
    address: string,
    request: { readonly method: string; readonly body: Uint8Array; readonly timeoutMs: number },
    done: (outcome: CallOutcome, peer: Introduction | undefined) => void,
  ): void {
    const to = parseHostPort(address);
    if (to === undefined) return done({ kind: "not-sent", reason: `"${address}" is no HOST:PORT` }, undefined);
    let isDone = false;
    let why = "the connection was closed before the handshake ended";
    let isTurnedAway = false;
    const finish = (outcome: CallOutcome, connection: Connection): void => {
      if (isDone) return;
      isDone = true;
      timer.cancel();
      const { peer } = connection;
      connection.close();
      done(outcome, peer);
    };
    const connection = this.#open(
      { to, purpose: "ask", key: "" },
      {
        onReady: () => this.#calls.call(connection, request, (outcome) => finish(outcome, connection)),
        onFrame: (_, frame) => this.#onCallFrame(connection, frame),
        onRejected: (_, reason, message) => {
          isTurnedAway = reason !== "malformed";
          if (reason === "malformed")
            why = "what answers there is no peer port of Konsul: the HTTP API has another one";
          else why = reason === "refused-by-peer" ? `turned away there: ${message}` : message;
        },
        onClosed: () => finish({ kind: "not-sent", reason: why, isTurnedAway }, connection),
      },
      (failure) => {
        why = failure.message;
        connection.onClose();
      },
    );
    const { clock } = this.#options;
    const timer = clock.at(clock.now() + request.timeoutMs, () =>
      finish({ kind: "not-sent", reason: "no answer came in time" }, connection),
    );
  }

  stop(done: () => void): void {
    this.#isStopped = true;
    this.#listener?.stop(true);
    for (const dialer of this.#dialers.values()) dialer.stop();
    for (const snapshot of this.#waitingSnapshots) snapshot.done(false);
    this.#waitingSnapshots = [];
    for (const connection of this.#connections) connection.close();
    this.#options.clock.defer(done);
  }

  #handshakeOptions(purpose: Introduction["purpose"], to: MemberKey): HandshakeOptions {
    const { self, tokens, clusterVersion, peerKey } = this.#options;
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    return {
      self: { ...self(), publicKey: peerKey.publicKey, purpose, to, nonce },
      tokens: tokens(),
      clusterVersion: clusterVersion(),
      sign: peerKey.sign,
      publicKeyOf: (key) => this.#publicKeyOf(key),
    };
  }

  #connect(handshake: AcceptorHandshake | DialerHandshake, remote: string, events: ConnectionEvents): Connection {
    const connection = new Connection(handshake, {
      remote,
      clock: this.#options.clock,
      isCertificateFor: (names, peer) =>
        this.#options.tls()?.isNameChecked === false || isCertificateFor(names, peer, this.#options.self().clusterId),
      events: {
        ...events,
        onClosed: (closed) => {
          this.#connections.delete(closed);
          this.#calls.onClosed(closed);
          events.onClosed(closed);
        },
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  #open(
    target: { readonly to: HostPort; readonly purpose: Introduction["purpose"]; readonly key: MemberKey },
    events: ConnectionEvents,
    onFailure: (failure: { readonly isRefused: boolean; readonly message: string }) => void,
  ): Connection {
    const { to, purpose, key } = target;
    const handshake = new DialerHandshake(this.#handshakeOptions(purpose, key));
    const connection = this.#connect(handshake, `${to.host}:${to.port}`, events);
    dial(to, connection, { tls: this.#options.tls(), onFailure });
    return connection;
  }

  #createDialer(member: Member, key: MemberKey): Dialer {
    return new Dialer(
      {
        clock: this.#options.clock,
        random: this.#options.random,
        open: (to, wanted, onFailure) =>
          this.#open({ to, purpose: "peer", key: wanted }, this.#peerEvents(), onFailure),
        onRefused: (refused) => {
          const boot = this.#presence.lastBoot(refused);
          if (boot !== undefined && !this.#presence.isConnected(refused)) {
            this.#receiver?.onPeerGone({ key: refused, boot });
          }
        },
      },
      member,
      key,
    );
  }

  #peerEvents(): ConnectionEvents {
    return {
      onReady: (connection, peer) => this.#onReady(connection, peer),
      onFrame: (connection, frame) => this.#onFrame(connection, frame),
      onRejected: (connection, reason, message) => this.#onRejected(connection, reason, message),
      onClosed: (connection) => this.#onClosed(connection),
    };
  }

  #onReady(connection: Connection, peer: Introduction): void {
    if (this.#isStopped) return connection.close();
    if (peer.purpose === "snapshot" && this.#receiver !== undefined) {
      this.#receivers.set(connection, new SnapshotReceiver(connection, peer, this.#receiver));
    }
    if (peer.purpose !== "peer") return;
    this.#presence.add(connection, peer);
    this.#dialers.get(keyOf(peer))?.onReady(connection);
  }

  #publicKeyOf(key: MemberKey): string {
    return this.#members.get(key)?.publicKey ?? "";
  }

  /** It introduced itself before this node knew the member's key. */
  #closeImpostor(connection: Connection): void {
    const { peer } = connection;
    if (peer === undefined || ["", peer.publicKey].includes(this.#publicKeyOf(keyOf(peer)))) return;
    this.#onRejected(connection, "identity", notThatMember(keyOf(peer)));
    connection.close();
  }

  #onRejected(connection: Connection, reason: RejectReason, message: string): void {
    this.#options.onRejected(reason);
    this.#options.warn(`Dropped the peer connection with ${connection.remote}: ${message}`, { reason });
  }

  #onClosed(connection: Connection): void {
    this.#receivers.delete(connection);
    const { peer } = connection;
    if (peer?.purpose === "peer") this.#presence.remove(connection, peer);
    for (const dialer of this.#dialers.values()) dialer.onClosed(connection);
  }

  /** @throws MalformedBytes: the connection drops the peer */
  #onFrame(connection: Connection, frame: Frame): void {
    if (frame.kind === "messages") return this.#onMessages(connection, frame.body);
    if (frame.kind === "call" || frame.kind === "answer") return this.#onCallFrame(connection, frame);
    this.#receivers.get(connection)?.onFrame(frame);
  }

  #onCallFrame(connection: Connection, frame: Frame): void {
    const { peer } = connection;
    if (peer !== undefined && (frame.kind === "call" || frame.kind === "answer"))
      this.#calls.onFrame(connection, peer, frame);
  }

  #onMessages(connection: Connection, body: Uint8Array): void {
    const { peer } = connection;
    if (peer === undefined || peer.purpose !== "peer" || this.#receiver === undefined) return;
    const self = this.#options.self();
    const header: Omit<MessageHeader, "term"> = {
      clusterId: peer.clusterId,
      epoch: peer.epoch,
      from: keyOf(peer),
      fromBoot: peer.boot,
      to: keyOf(self),
    };
    const reader = new ByteReader(body);
    while (reader.remaining > 0) this.#receiver.onMessage(readMessage(reader, header));
  }

  #startSnapshots(): void {
    while (this.#senders.size < this.#options.snapshots.sendsMax) {
      const snapshot = this.#waitingSnapshots.shift();
      if (snapshot === undefined) return;
      this.#startSnapshot(snapshot);
    }
  }

  #startSnapshot(snapshot: OutgoingSnapshot): void {
    const to = parseHostPort(this.#members.get(snapshot.to)?.address ?? "");
    if (to === undefined) return snapshot.done(false);
    const connection = this.#open(
      { to, purpose: "snapshot", key: snapshot.to },
      {
        onReady: () => sender.start(),
        onFrame: (_, frame) => sender.onFrame(frame),
        onRejected: (_, reason, message) =>
          this.#options.warn(`Cannot send a snapshot to ${connection.remote}: ${message}`, { reason }),
        onClosed: () => {
          this.#senders.delete(connection);
          sender.finish(false);
          this.#startSnapshots();
        },
      },
      () => connection.onClose(),
    );
    const { clock, snapshots } = this.#options;
    const sender = new SnapshotSender(snapshot, connection, { clock, bytesPerSecond: snapshots.bytesPerSecond });
    this.#senders.set(connection, sender);
  }
}

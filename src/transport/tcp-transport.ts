import type { TCPSocketListener } from "bun";
import { ByteReader, parseMemberKey, type ByteWriter, type MemberKey } from "../base/index.ts";
import type { OutgoingSnapshot, TransportReceiver } from "../node/index.ts";
import { type Member, type Message, type MessageHeader } from "../raft/index.ts";
import { ask } from "./ask.ts";
import { Calls, type CallHandler, type CallOutcome, type CallRequest } from "./calls.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import { Connections } from "./connections.ts";
import { Dialer } from "./dialer.ts";
import type { Frame } from "./frame.ts";
import { notThatMember, type RejectReason } from "./handshake.ts";
import { keyOf, type Introduction } from "./introduction.ts";
import { readMessage, writeMessage } from "./message-codec.ts";
import { framesOf } from "./message-frames.ts";
import { Presence } from "./presence.ts";
import { SnapshotSends } from "./snapshot-sends.ts";
import { SnapshotReceiver } from "./snapshot-stream.ts";
import { listen, type HostPort } from "./sockets.ts";
import type { TcpTransport, TcpTransportOptions } from "./transport-options.ts";

export function createTcpTransport(options: TcpTransportOptions): TcpTransport {
  return new Hub(options);
}

class Hub implements TcpTransport {
  readonly #options: TcpTransportOptions;
  readonly #calls: Calls;
  readonly #connections: Connections;
  readonly #snapshotSends: SnapshotSends;
  readonly #presence: Presence;
  readonly #dialers = new Map<MemberKey, Dialer>();
  readonly #receivers = new Map<Connection, SnapshotReceiver>();
  #members = new Map<MemberKey, Member>();
  #receiver: TransportReceiver | undefined;
  #listener: TCPSocketListener<Connection> | undefined;
  #isStopped = false;

  constructor(options: TcpTransportOptions) {
    this.#options = options;
    this.#calls = new Calls(options.clock);
    this.#connections = new Connections({
      ...options,
      publicKeyOf: (key) => this.#publicKeyOf(key),
      onClosed: (connection) => this.#calls.onClosed(connection),
    });
    this.#snapshotSends = new SnapshotSends({
      ...options,
      connections: this.#connections,
      addressOf: (key) => this.#members.get(key)?.address ?? "",
    });
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
    return listen(at, this.#options.tls(), (remote) => this.#connections.accept(remote, this.#peerEvents()));
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
    this.#snapshotSends.send(snapshot);
  }

  cancelSnapshot(to: MemberKey, session: number): void {
    this.#snapshotSends.cancel(to, session);
  }

  call(to: MemberKey, request: CallRequest, done: (outcome: CallOutcome) => void): void {
    const connection = this.#presence.find(to);
    if (connection === undefined)
      done({ kind: "not-sent", reason: `there is no connection with ${parseMemberKey(to).id}` });
    else this.#calls.call(connection, request, done);
  }

  ask(
    address: string,
    request: CallRequest,
    done: (outcome: CallOutcome, peer: Introduction | undefined) => void,
  ): void {
    const { clock } = this.#options;
    ask({ clock, connections: this.#connections, calls: this.#calls, address, request }, done);
  }

  stop(done: () => void): void {
    this.#isStopped = true;
    this.#listener?.stop(true);
    for (const dialer of this.#dialers.values()) dialer.stop();
    this.#snapshotSends.dropWaiting();
    this.#connections.closeAll();
    this.#options.clock.defer(done);
  }

  #createDialer(member: Member, key: MemberKey): Dialer {
    return new Dialer(
      {
        clock: this.#options.clock,
        random: this.#options.random,
        open: (to, wanted, onFailure) =>
          this.#connections.dial({ to, purpose: "peer", key: wanted }, this.#peerEvents(), onFailure),
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
    if (frame.kind === "call" || frame.kind === "answer") return this.#calls.onFrame(connection, frame);
    this.#receivers.get(connection)?.onFrame(frame);
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
}

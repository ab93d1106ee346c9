import type { MemberKey } from "../base/index.ts";
import { Connection, type ConnectionEvents } from "./connection.ts";
import { AcceptorHandshake, DialerHandshake, type HandshakeOptions } from "./handshake.ts";
import { NONCE_BYTES, type Introduction } from "./introduction.ts";
import { isCertificateFor } from "./peer-tls.ts";
import { dial, type DialFailure, type HostPort } from "./sockets.ts";
import type { TcpTransportOptions } from "./transport-options.ts";

export interface ConnectionsOptions extends Pick<
  TcpTransportOptions,
  "clock" | "self" | "peerKey" | "clusterVersion" | "tokens" | "tls"
> {
  /** The key that the membership names for a pair; empty: it names none. */
  readonly publicKeyOf: (key: MemberKey) => string;
  /** Told before the connection's own events. */
  readonly onClosed: (connection: Connection) => void;
}

export interface DialTarget {
  readonly to: HostPort;
  readonly purpose: Introduction["purpose"];
  /** Who is meant; empty: whoever answers there. */
  readonly key: MemberKey;
}

/** Makes the connections of this node, dialed and accepted, and knows which there are. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #all = new Set<Connection>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  dial(target: DialTarget, events: ConnectionEvents, onFailure: (failure: DialFailure) => void): Connection {
    const { to, purpose, key } = target;
    const handshake = new DialerHandshake(this.#handshakeOptions(purpose, key));
    const connection = this.#connect(handshake, `${to.host}:${to.port}`, events);
    dial(to, connection, { tls: this.#options.tls(), onFailure });
    return connection;
  }

  accept(remote: string, events: ConnectionEvents): Connection {
    return this.#connect(new AcceptorHandshake(this.#handshakeOptions("ask", "")), remote, events);
  }

  closeAll(): void {
    for (const connection of this.#all) connection.close();
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
          this.#all.delete(closed);
          this.#options.onClosed(closed);
          events.onClosed(closed);
        },
      },
    });
    this.#all.add(connection);
    return connection;
  }

  #handshakeOptions(purpose: Introduction["purpose"], to: MemberKey): HandshakeOptions {
    const { self, tokens, clusterVersion, peerKey, publicKeyOf } = this.#options;
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    return {
      self: { ...self(), publicKey: peerKey.publicKey, purpose, to, nonce },
      tokens: tokens(),
      clusterVersion: clusterVersion(),
      sign: peerKey.sign,
      publicKeyOf,
    };
  }
}

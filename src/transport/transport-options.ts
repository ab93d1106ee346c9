import type { Clock, MemberKey } from "../base/index.ts";
import type { Transport } from "../node/index.ts";
import type { CallHandler, CallOutcome, CallRequest } from "./calls.ts";
import type { RejectReason } from "./handshake.ts";
import type { Introduction } from "./introduction.ts";
import type { PeerKey } from "./peer-key.ts";
import type { PeerTls } from "./peer-tls.ts";
import type { HostPort } from "./sockets.ts";

/** What this node says of itself; read anew for each handshake, since it changes while the node runs. */
export type SelfIntroduction = () => Omit<Introduction, "purpose" | "to" | "nonce" | "publicKey">;

export interface TcpTransportOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly bind: HostPort;
  readonly self: SelfIntroduction;
  /** By which this node proves to be the member that it says. */
  readonly peerKey: PeerKey;
  /** The version of the cluster, which every member must understand; 0: none yet. Read anew for each handshake. */
  readonly clusterVersion: () => number;
  /** Read anew for each handshake, so that tokens rotate without a restart. */
  readonly tokens: () => readonly string[];
  /** Read anew for each dial; undefined: plain TCP. */
  readonly tls: () => PeerTls | undefined;
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
  readonly onRejected: (reason: RejectReason) => void;
  readonly snapshots: { readonly sendsMax: number; readonly bytesPerSecond: number };
}

/** Peers over TCP, and calls between them. */
export interface TcpTransport extends Transport {
  /** Opens the peer port; from now on others are answered. @throws when the address cannot be bound */
  listen(): void;
  readonly port: number;
  /** Certificates changed: new connections use the new ones, those that are open stay. */
  renewCertificates(): void;
  serve(handler: CallHandler): void;
  /** Calls the member that is connected. */
  call(to: MemberKey, request: CallRequest, done: (outcome: CallOutcome) => void): void;
  /** Dials an address, calls whoever answers there, and hangs up. */
  ask(
    address: string,
    request: CallRequest,
    done: (outcome: CallOutcome, peer: Introduction | undefined) => void,
  ): void;
}

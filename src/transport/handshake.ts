import { createHmac, timingSafeEqual } from "node:crypto";
import { ByteReader, ByteWriter, EMPTY_BYTES, isSameEpoch, type MemberKey } from "../base/index.ts";
import type { Frame, FrameKind } from "./frame.ts";
import {
  decodeIntroduction,
  encodeIntroduction,
  introductionFrom,
  keyOf,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  type Introduction,
} from "./introduction.ts";
import { isSignedBy, type PeerKey } from "./peer-key.ts";

/** Why a peer was turned away; the label of the counter `konsul_peer_rejected_total`. */
export type RejectReason =
  | "malformed"
  | "protocol"
  | "other-cluster"
  | "other-epoch"
  | "version"
  | "not-addressed"
  | "itself"
  | "token"
  | "identity"
  | "certificate"
  | "timeout"
  | "refused-by-peer";

export type HandshakeStep =
  | { readonly kind: "send"; readonly frame: FrameKind; readonly body: Uint8Array }
  | { readonly kind: "ready"; readonly peer: Introduction; readonly send?: { frame: FrameKind; body: Uint8Array } }
  | { readonly kind: "reject"; readonly reason: RejectReason; readonly message: string; readonly tellPeer: boolean };

export interface HandshakeOptions {
  readonly self: Introduction;
  /** Join tokens: the first proves, all are accepted; none: no proof is asked for. */
  readonly tokens: readonly string[];
  /** What every member of this node's cluster must understand. */
  readonly clusterVersion: number;
  /** Signs with the key that `self` names. */
  readonly sign: PeerKey["sign"];
  /** The key that the membership names for a pair; empty: it names none. */
  readonly publicKeyOf: (key: MemberKey) => string;
}

type Side = "dialer" | "acceptor";

/**
 * Proof of a join token over everything that both sides said, so that it is worth nothing on another connection. The
 * token never travels. Without TLS this protects against mistakes and strangers, not against somebody on the wire.
 */
function proof(token: string, side: Side, transcript: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha256", token).update(`konsul-peer-1 ${side}`);
  for (const part of transcript) hmac.update(part);
  return hmac.digest();
}

function isProven(
  tokens: readonly string[],
  side: Side,
  transcript: readonly Uint8Array[],
  given: Uint8Array,
): boolean {
  if (tokens.length === 0) return true;
  return tokens.some((token) => {
    const wanted = proof(token, side, transcript);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  });
}

/** What a side signs with its key: all that both said, so that it is worth nothing on another connection. */
function signedBytes(side: Side, transcript: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Buffer.from(`konsul-peer-identity-1 ${side}`), ...transcript]);
}

/** A proof frame's body, or the end of a reply's: that of the token, then the signature. */
function prove(
  { tokens, sign }: HandshakeOptions,
  side: Side,
  transcript: readonly Uint8Array[],
): { readonly given: Uint8Array; readonly signature: Uint8Array } {
  const [token] = tokens;
  return {
    given: token === undefined ? EMPTY_BYTES : proof(token, side, transcript),
    signature: sign(signedBytes(side, transcript)),
  };
}

/** Undefined: the peer proved a token that is accepted here, and the key that it names. */
function examine(
  { tokens }: HandshakeOptions,
  { publicKey }: Introduction,
  said: {
    readonly side: Side;
    readonly transcript: readonly Uint8Array[];
    readonly given: Uint8Array;
    readonly signature: Uint8Array;
  },
): HandshakeStep | undefined {
  const { side, transcript, given, signature } = said;
  if (!isProven(tokens, side, transcript, given)) return reject("token", tokenProblem(given));
  if (publicKey === "" || isSignedBy(publicKey, signedBytes(side, transcript), signature)) return undefined;
  return reject("identity", "it did not sign with the key that it names");
}

function tokenProblem(given: Uint8Array): string {
  if (given.length === 0) return "it has no join token, and here one is demanded (raft.join_tokens)";
  return "its join token is none of those that are accepted here (raft.join_tokens, raft.join_token_file)";
}

function reject(reason: RejectReason, message: string): HandshakeStep {
  return { kind: "reject", reason, message, tellPeer: true };
}

/** Is the peer one that we may talk to for this purpose? */
function judge(
  { self, clusterVersion, publicKeyOf }: HandshakeOptions,
  peer: Introduction,
  purpose: Introduction["purpose"],
): HandshakeStep | undefined {
  if (peer.protocolMax < PROTOCOL_MIN || peer.protocolMin > PROTOCOL_MAX) {
    return reject(
      "protocol",
      `this node speaks peer protocol ${PROTOCOL_MIN} to ${PROTOCOL_MAX}, the other ${peer.protocolMin} to ${peer.protocolMax}`,
    );
  }
  if (peer.to !== "" && peer.to !== keyOf(self)) {
    return reject("not-addressed", `${peer.to} was asked for, but this is ${keyOf(self)}`);
  }
  if (purpose === "ask") return undefined;
  if (keyOf(peer) === keyOf(self) && peer.boot === self.boot) return reject("itself", "this node dialed itself");
  if (peer.clusterId !== self.clusterId || self.clusterId === "") {
    const [own, other] = [nameOfCluster(self.clusterId), nameOfCluster(peer.clusterId)];
    return reject("other-cluster", `this node belongs to ${own}, the other to ${other}`);
  }
  if (!isSameEpoch(peer.epoch, self.epoch)) {
    return reject(
      "other-epoch",
      `this node is in epoch ${self.epoch.counter} of the cluster, the other in ${peer.epoch.counter}: one of them was left out of a recovery`,
    );
  }
  const named = publicKeyOf(keyOf(peer));
  if (named !== "" && named !== peer.publicKey) return reject("identity", notThatMember(keyOf(peer)));
  if (peer.commandVersion < clusterVersion) {
    return reject(
      "version",
      `the cluster was raised to version ${clusterVersion}, and ${peer.id} runs release ${peer.version}, which understands ${peer.commandVersion} at most: start a newer release there`,
    );
  }
  return undefined;
}

export function notThatMember(key: MemberKey): string {
  return `it says that it is ${key}, but does not have the key of that member, which is in its data folder and nowhere else`;
}

function nameOfCluster(id: string): string {
  return id === "" ? "no cluster" : `cluster ${id}`;
}

function rejectedByPeer(body: Uint8Array): HandshakeStep {
  const reader = new ByteReader(body);
  return { kind: "reject", reason: "refused-by-peer", message: reader.text(1024), tellPeer: false };
}

/** The side that dialed: hello → hello-reply (checked) → proof → ready. */
export class DialerHandshake {
  readonly #options: HandshakeOptions;
  readonly #hello: Uint8Array;
  #peer: Introduction | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#hello = encodeIntroduction(options.self);
  }

  start(): { readonly frame: FrameKind; readonly body: Uint8Array } {
    return { frame: "hello", body: this.#hello };
  }

  /** @throws MalformedBytes, InvalidId */
  onFrame(frame: Frame): HandshakeStep {
    if (frame.kind === "reject") return rejectedByPeer(frame.body);
    if (frame.kind === "hello-reply" && this.#peer === undefined) return this.#onReply(frame.body);
    if (frame.kind === "ready" && this.#peer !== undefined) return { kind: "ready", peer: this.#peer };
    return reject("malformed", `a ${frame.kind} frame came in the middle of the handshake`);
  }

  #onReply(body: Uint8Array): HandshakeStep {
    const { self } = this.#options;
    const reader = new ByteReader(body);
    const peer = decodeIntroduction(reader);
    const transcript = [this.#hello, body.subarray(0, body.length - reader.remaining)];
    const [given, signature] = [reader.bytes(64), reader.bytes(64)];
    reader.end();
    const refusal =
      examine(this.#options, peer, { side: "acceptor", transcript, given, signature }) ??
      judge(this.#options, { ...peer, to: "" }, self.purpose);
    if (refusal !== undefined) return refusal;
    if (self.to !== "" && self.to !== keyOf(peer)) {
      return reject("not-addressed", `${self.to} was asked for, but ${keyOf(peer)} answered`);
    }
    this.#peer = peer;
    const own = prove(this.#options, "dialer", transcript);
    return { kind: "send", frame: "proof", body: new ByteWriter().bytes(own.given).bytes(own.signature).finish() };
  }
}

/** The side that was dialed. */
export class AcceptorHandshake {
  readonly #options: HandshakeOptions;
  #hello: Uint8Array | undefined;
  #said: Uint8Array = EMPTY_BYTES;
  #peer: Introduction | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** @throws MalformedBytes, InvalidId */
  onFrame(frame: Frame): HandshakeStep {
    if (frame.kind === "reject") return rejectedByPeer(frame.body);
    if (frame.kind === "hello" && this.#hello === undefined) return this.#onHello(frame.body);
    if (frame.kind === "proof" && this.#hello !== undefined && this.#peer !== undefined) {
      const reader = new ByteReader(frame.body);
      const [given, signature] = [reader.bytes(64), reader.bytes(64)];
      reader.end();
      const transcript = [this.#hello, this.#said];
      const refusal = examine(this.#options, this.#peer, { side: "dialer", transcript, given, signature });
      if (refusal !== undefined) return refusal;
      return { kind: "ready", peer: this.#peer, send: { frame: "ready", body: EMPTY_BYTES } };
    }
    return reject("malformed", `a ${frame.kind} frame came in the middle of the handshake`);
  }

  #onHello(body: Uint8Array): HandshakeStep {
    const { self } = this.#options;
    const peer = introductionFrom(body);
    const refusal = judge(this.#options, peer, peer.purpose);
    if (refusal !== undefined) return refusal;
    this.#hello = body;
    this.#peer = peer;
    this.#said = encodeIntroduction({ ...self, purpose: peer.purpose, to: keyOf(peer) });
    const own = prove(this.#options, "acceptor", [body, this.#said]);
    const out = new ByteWriter().raw(this.#said).bytes(own.given).bytes(own.signature);
    return { kind: "send", frame: "hello-reply", body: out.finish() };
  }
}

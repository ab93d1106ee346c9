import { createHmac, timingSafeEqual } from "node:crypto";
import { ByteReader, ByteWriter, EMPTY_BYTES, isSameEpoch } from "../base/index.ts";
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
}

/**
 * Proof of a join token over everything that both sides said, so that it is worth nothing on another connection. The
 * token never travels. Without TLS this protects against mistakes and strangers, not against somebody on the wire.
 */
function proof(token: string, side: "dialer" | "acceptor", transcript: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha256", token).update(`konsul-peer-1 ${side}`);
  for (const part of transcript) hmac.update(part);
  return hmac.digest();
}

function isProven(
  tokens: readonly string[],
  side: "dialer" | "acceptor",
  transcript: readonly Uint8Array[],
  given: Uint8Array,
): boolean {
  if (tokens.length === 0) return true;
  return tokens.some((token) => {
    const wanted = proof(token, side, transcript);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  });
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
  { self, clusterVersion }: Pick<HandshakeOptions, "self" | "clusterVersion">,
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
  if (peer.commandVersion < clusterVersion) {
    return reject(
      "version",
      `the cluster was raised to version ${clusterVersion}, and ${peer.id} runs release ${peer.version}, which understands ${peer.commandVersion} at most: start a newer release there`,
    );
  }
  return undefined;
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
    const { self, tokens } = this.#options;
    const reader = new ByteReader(body);
    const peer = decodeIntroduction(reader);
    const given = reader.bytes(64);
    reader.end();
    const said = body.subarray(0, body.length - given.length - 4);
    if (!isProven(tokens, "acceptor", [this.#hello, said], given)) {
      return reject("token", tokenProblem(given));
    }
    const refusal = judge(this.#options, { ...peer, to: "" }, self.purpose);
    if (refusal !== undefined) return refusal;
    if (self.to !== "" && self.to !== keyOf(peer)) {
      return reject("not-addressed", `${self.to} was asked for, but ${keyOf(peer)} answered`);
    }
    this.#peer = peer;
    const [token] = tokens;
    const own = token === undefined ? EMPTY_BYTES : proof(token, "dialer", [this.#hello, said]);
    return { kind: "send", frame: "proof", body: own };
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
      const { tokens } = this.#options;
      if (!isProven(tokens, "dialer", [this.#hello, this.#said], frame.body)) {
        return reject("token", tokenProblem(frame.body));
      }
      return { kind: "ready", peer: this.#peer, send: { frame: "ready", body: EMPTY_BYTES } };
    }
    return reject("malformed", `a ${frame.kind} frame came in the middle of the handshake`);
  }

  #onHello(body: Uint8Array): HandshakeStep {
    const { self, tokens } = this.#options;
    const peer = introductionFrom(body);
    const refusal = judge(this.#options, peer, peer.purpose);
    if (refusal !== undefined) return refusal;
    this.#hello = body;
    this.#peer = peer;
    this.#said = encodeIntroduction({ ...self, purpose: peer.purpose, to: keyOf(peer) });
    const [token] = tokens;
    const own = token === undefined ? EMPTY_BYTES : proof(token, "acceptor", [body, this.#said]);
    return {
      kind: "send",
      frame: "hello-reply",
      body: new ByteWriter(this.#said.length + 40).raw(this.#said).bytes(own).finish(),
    };
  }
}

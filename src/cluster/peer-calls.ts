import type { MemberKey } from "../base/index.ts";

/** What became of a call: `not-sent` surely did not reach anybody, `lost` perhaps did. */
export type PeerOutcome =
  | { readonly kind: "answer"; readonly body: Uint8Array }
  /** `isTurnedAway`: somebody is there, and one side did not accept the other. */
  | { readonly kind: "not-sent"; readonly reason: string; readonly isTurnedAway?: boolean }
  | { readonly kind: "lost"; readonly reason: string };

export interface PeerRequest {
  readonly method: string;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

/** The peer that called or answered, as it proved itself in the handshake. */
export interface PeerIdentity {
  readonly key: MemberKey;
  readonly address: string;
  readonly clusterId: string;
}

/** Requests between nodes, each sent at most once. */
export interface PeerCalls {
  call(to: MemberKey, request: PeerRequest, done: (outcome: PeerOutcome) => void): void;
  /** Dials the address, asks whoever answers there, hangs up. */
  ask(
    address: string,
    request: PeerRequest,
    done: (outcome: PeerOutcome, peer: PeerIdentity | undefined) => void,
  ): void;
}

/** Answers one method of a peer. */
export type PeerHandler = (
  call: { readonly body: Uint8Array; readonly peer: PeerIdentity },
  answer: (body: Uint8Array) => void,
) => void;

import { EMPTY_BYTES, type MemberKey } from "../base/index.ts";
import {
  decodeForwardedAnswer,
  decodeForwardedRequest,
  encodeForwardedAnswer,
  encodeForwardedRequest,
  type ForwardedAnswer,
  type ForwardedRequest,
} from "../cluster/index.ts";
import type { ForwardOutcome } from "../http/index.ts";
import type { TcpTransport } from "../transport/index.ts";

const FORWARD_GRACE_MS = 2000;

/** A node that does not serve yet has done nothing: the same as one that does not lead. */
const NOT_HERE = encodeForwardedAnswer({ status: 307, headers: [], body: EMPTY_BYTES });

export interface ForwardingOptions {
  readonly transport: Pick<TcpTransport, "call">;
  readonly requestTimeoutMs: number;
  readonly leader: () => MemberKey | undefined;
}

/** Clients' requests that one node hands to another as the leader. */
export class Forwarding {
  readonly #options: ForwardingOptions;
  #serve: ((request: ForwardedRequest) => Promise<ForwardedAnswer>) | undefined;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** From now on this node answers requests that other nodes hand to it as the leader. */
  serve(answer: (request: ForwardedRequest) => Promise<ForwardedAnswer>): void {
    this.#serve = answer;
  }

  /** Hands a request to the leader, at most once. Undefined: none is known. */
  forward(request: ForwardedRequest): Promise<ForwardOutcome> | undefined {
    const { transport, requestTimeoutMs } = this.#options;
    const leader = this.#options.leader();
    if (leader === undefined) return undefined;
    const body = encodeForwardedRequest(request);
    return new Promise((resolve) => {
      // The leader gives up after its own request timeout, and says what came of the write: wait a little longer.
      const call = { method: "http", body, timeoutMs: requestTimeoutMs + FORWARD_GRACE_MS };
      transport.call(leader, call, (outcome) => {
        resolve(outcome.kind === "answer" ? readForwarded(outcome.body) : outcome);
      });
    });
  }

  /** Another node hands a request to this one. */
  async onRequest(body: Uint8Array, answer: (body: Uint8Array) => void): Promise<void> {
    const request = tryDecode(body);
    if (this.#serve === undefined || request === undefined) return answer(NOT_HERE);
    answer(encodeForwardedAnswer(await this.#serve(request)));
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

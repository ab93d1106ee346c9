import { ByteReader, type ByteWriter, type Clock, type Timer } from "../base/index.ts";
import type { Connection } from "./connection.ts";
import type { Frame } from "./frame.ts";
import type { Introduction } from "./introduction.ts";

export interface CallRequest {
  readonly method: string;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

/** What became of a call. `not-sent`: surely never seen by the other side. `lost`: perhaps handled, the answer is lost. */
export type CallOutcome =
  | { readonly kind: "answer"; readonly body: Uint8Array }
  /** `isTurnedAway`: somebody is there, and one side did not accept the other. */
  | { readonly kind: "not-sent"; readonly reason: string; readonly isTurnedAway?: boolean }
  | { readonly kind: "lost"; readonly reason: string };

/** Answers a call of a peer; `answer` is called once, at any time. */
export type CallHandler = (
  call: { readonly method: string; readonly body: Uint8Array; readonly peer: Introduction },
  answer: (body: Uint8Array) => void,
) => void;

interface PendingCall {
  readonly connection: Connection;
  readonly done: (outcome: CallOutcome) => void;
  readonly timer: Timer;
}

/** Requests between peers, each sent at most once and never again by itself. */
export class Calls {
  readonly #clock: Clock;
  readonly #pending = new Map<number, PendingCall>();
  #next = 1;
  #handler: CallHandler = (_, answer) => answer(new Uint8Array(0));

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  serve(handler: CallHandler): void {
    this.#handler = handler;
  }

  call(connection: Connection, request: CallRequest, done: (outcome: CallOutcome) => void): void {
    const number = this.#next++;
    const write = (out: ByteWriter): void => {
      out.u53(number).text(request.method).bytes(request.body);
    };
    if (!connection.isReady || !connection.sendFrame("call", write, { isBulk: true })) {
      done({ kind: "not-sent", reason: "the connection is closed or its queue is full" });
      return;
    }
    const timer = this.#clock.at(this.#clock.now() + request.timeoutMs, () => {
      this.#settle(number, { kind: "lost", reason: "no answer came in time" });
    });
    this.#pending.set(number, { connection, done, timer });
  }

  /** A call or an answer; anything else is none of its business. @throws MalformedBytes */
  onFrame(connection: Connection, frame: Frame): void {
    const { peer } = connection;
    if (peer === undefined || (frame.kind !== "call" && frame.kind !== "answer")) return;
    const reader = new ByteReader(frame.body);
    const number = reader.u53();
    if (frame.kind === "answer") {
      this.#settle(number, { kind: "answer", body: reader.bytes() });
      return;
    }
    const method = reader.text(64);
    const body = reader.bytes();
    this.#handler({ method, body, peer }, (answer) => {
      connection.sendFrame("answer", (out) => out.u53(number).bytes(answer));
    });
  }

  onClosed(connection: Connection): void {
    for (const [number, pending] of this.#pending) {
      if (pending.connection !== connection) continue;
      this.#settle(number, { kind: "lost", reason: "the connection was lost before the answer came" });
    }
  }

  #settle(number: number, outcome: CallOutcome): void {
    const pending = this.#pending.get(number);
    if (pending === undefined) return;
    this.#pending.delete(number);
    pending.timer.cancel();
    pending.done(outcome);
  }
}

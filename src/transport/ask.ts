import type { Clock } from "../base/index.ts";
import type { CallOutcome, CallRequest, Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { Introduction } from "./introduction.ts";
import { parseHostPort } from "./sockets.ts";

export interface AskOptions {
  readonly clock: Clock;
  readonly connections: Connections;
  readonly calls: Calls;
  /** HOST:PORT. */
  readonly address: string;
  readonly request: CallRequest;
}

/** One call over a connection that is made for it, to whoever answers at the address. `done` is told once. */
export function ask(
  { clock, connections, calls, address, request }: AskOptions,
  done: (outcome: CallOutcome, peer: Introduction | undefined) => void,
): void {
  const to = parseHostPort(address);
  if (to === undefined) return done({ kind: "not-sent", reason: `"${address}" is no HOST:PORT` }, undefined);
  let isDone = false;
  let why = "the connection was closed before the handshake ended";
  let isTurnedAway = false;
  const finish = (outcome: CallOutcome, used: Connection): void => {
    if (isDone) return;
    isDone = true;
    timer.cancel();
    const { peer } = used;
    used.close();
    done(outcome, peer);
  };
  const connection = connections.dial(
    { to, purpose: "ask", key: "" },
    {
      onReady: () => calls.call(connection, request, (outcome) => finish(outcome, connection)),
      onFrame: (_, frame) => calls.onFrame(connection, frame),
      onRejected: (_, reason, message) => {
        isTurnedAway = reason !== "malformed";
        if (reason === "malformed") why = "what answers there is no peer port of Konsul: the HTTP API has another one";
        else why = reason === "refused-by-peer" ? `turned away there: ${message}` : message;
      },
      onClosed: () => finish({ kind: "not-sent", reason: why, isTurnedAway }, connection),
    },
    (failure) => {
      why = failure.message;
      connection.onClose();
    },
  );
  const timer = clock.at(clock.now() + request.timeoutMs, () =>
    finish({ kind: "not-sent", reason: "no answer came in time" }, connection),
  );
}

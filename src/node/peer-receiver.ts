import type { LogIndex } from "../base/index.ts";
import type { Driver } from "./driver.ts";
import type { IncomingChunk, TransportReceiver } from "./ports.ts";

export interface ReceiverOptions {
  readonly driver: Driver;
  readonly onLeaderCommit: (commit: LogIndex) => void;
  readonly isOverdue: () => boolean;
  /** Sockets that are all ready are served before any timer: an overdue turn runs from here instead of waiting. */
  readonly onOverdue: () => void;
  readonly onChunk: (chunk: IncomingChunk, resume: (nextOffset: number | undefined) => void) => void;
}

/** What peers say, as events for the core. */
export function createReceiver(options: ReceiverOptions): TransportReceiver {
  const { driver } = options;
  const { clock } = driver;
  return {
    onMessage: (message) => {
      if (message.kind === "append") options.onLeaderCommit(message.commit);
      if (message.kind === "goodbye") {
        driver.submit({ kind: "leader-gone", now: clock.now(), key: message.from, boot: message.fromBoot });
      }
      driver.submit({ kind: "receive", now: clock.now(), message });
      if (options.isOverdue()) options.onOverdue();
    },
    onHello: (hello) => driver.submit({ kind: "hello", now: clock.now(), ...hello }),
    onPeerDown: (peer) => driver.submit({ kind: "peer-down", now: clock.now(), ...peer }),
    onPeerGone: (peer) => driver.submit({ kind: "leader-gone", now: clock.now(), ...peer }),
    onDuplicatePair: (key, present) => driver.submit({ kind: "duplicate-pair", now: clock.now(), key, present }),
    onSnapshotChunk: options.onChunk,
  };
}

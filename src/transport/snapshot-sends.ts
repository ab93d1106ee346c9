import type { MemberKey } from "../base/index.ts";
import type { OutgoingSnapshot } from "../node/index.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { SnapshotSender } from "./snapshot-stream.ts";
import { parseHostPort } from "./sockets.ts";
import type { TcpTransportOptions } from "./transport-options.ts";

export interface SnapshotSendsOptions extends Pick<TcpTransportOptions, "clock" | "warn" | "snapshots"> {
  readonly connections: Connections;
  /** Where a member is, as HOST:PORT; empty: nobody knows. */
  readonly addressOf: (key: MemberKey) => string;
}

/** The snapshots that go to other nodes: a few at once, each over its own connection, and the others in turn. */
export class SnapshotSends {
  readonly #options: SnapshotSendsOptions;
  readonly #senders = new Map<Connection, SnapshotSender>();
  #waiting: OutgoingSnapshot[] = [];

  constructor(options: SnapshotSendsOptions) {
    this.#options = options;
  }

  send(snapshot: OutgoingSnapshot): void {
    this.#waiting.push(snapshot);
    this.#startNext();
  }

  cancel(to: MemberKey, session: number): void {
    const isMeant = (snapshot: OutgoingSnapshot): boolean => snapshot.to === to && snapshot.session === session;
    for (const sender of this.#senders.values()) if (isMeant(sender.snapshot)) sender.finish(false);
    const dropped = this.#waiting.filter(isMeant);
    this.#waiting = this.#waiting.filter((snapshot) => !isMeant(snapshot));
    for (const snapshot of dropped) snapshot.done(false);
  }

  /** Those that wait are not sent any more; the others end with their connections. */
  dropWaiting(): void {
    for (const snapshot of this.#waiting) snapshot.done(false);
    this.#waiting = [];
  }

  #startNext(): void {
    while (this.#senders.size < this.#options.snapshots.sendsMax) {
      const snapshot = this.#waiting.shift();
      if (snapshot === undefined) return;
      this.#start(snapshot);
    }
  }

  #start(snapshot: OutgoingSnapshot): void {
    const { addressOf, connections, warn, clock, snapshots } = this.#options;
    const to = parseHostPort(addressOf(snapshot.to));
    if (to === undefined) return snapshot.done(false);
    const connection = connections.dial(
      { to, purpose: "snapshot", key: snapshot.to },
      {
        onReady: () => sender.start(),
        onFrame: (_, frame) => sender.onFrame(frame),
        onRejected: (_, reason, message) =>
          warn(`Cannot send a snapshot to ${connection.remote}: ${message}`, { reason }),
        onClosed: () => {
          this.#senders.delete(connection);
          sender.finish(false);
          this.#startNext();
        },
      },
      () => connection.onClose(),
    );
    const sender = new SnapshotSender(snapshot, connection, { clock, bytesPerSecond: snapshots.bytesPerSecond });
    this.#senders.set(connection, sender);
  }
}

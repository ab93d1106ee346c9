import type { BootId, MemberKey } from "../base/index.ts";
import type { Connection } from "./connection.ts";
import { keyOf, type Introduction } from "./introduction.ts";

export interface PresenceEvents {
  /** The first connection with this process. */
  onUp(peer: Introduction): void;
  /** The last connection with this process was closed. */
  onDown(key: MemberKey, boot: BootId): void;
  /** Two live processes of one pair, or no longer. */
  onDuplicate(key: MemberKey, isPresent: boolean): void;
  /** Another process start of this pair answers: the old one is gone. */
  onReplaced(key: MemberKey, oldBoot: BootId): void;
}

/** Which processes this node is connected with: (pair, boot) → connections. Closed means closed by all of them. */
export class Presence {
  readonly #events: PresenceEvents;
  readonly #connections = new Map<MemberKey, Map<BootId, Set<Connection>>>();
  readonly #lastBoot = new Map<MemberKey, BootId>();

  constructor(events: PresenceEvents) {
    this.#events = events;
  }

  /** A live connection to the pair, preferring the one whose queue is shortest. */
  find(key: MemberKey): Connection | undefined {
    let best: Connection | undefined;
    for (const connections of this.#connections.get(key)?.values() ?? []) {
      for (const connection of connections) {
        if (!connection.isReady) continue;
        if (best === undefined || connection.queuedBytes < best.queuedBytes) best = connection;
      }
    }
    return best;
  }

  lastBoot(key: MemberKey): BootId | undefined {
    return this.#lastBoot.get(key);
  }

  isConnected(key: MemberKey): boolean {
    return this.#connections.has(key);
  }

  add(connection: Connection, peer: Introduction): void {
    const key = keyOf(peer);
    const boots = this.#connections.get(key) ?? new Map<BootId, Set<Connection>>();
    this.#connections.set(key, boots);
    const known = boots.get(peer.boot);
    if (known !== undefined) {
      known.add(connection);
      return;
    }
    const lastBoot = this.#lastBoot.get(key);
    if (lastBoot !== undefined && lastBoot !== peer.boot && !boots.has(lastBoot)) {
      this.#events.onReplaced(key, lastBoot);
    }
    boots.set(peer.boot, new Set([connection]));
    this.#lastBoot.set(key, peer.boot);
    if (boots.size > 1) this.#events.onDuplicate(key, true);
    this.#events.onUp(peer);
  }

  remove(connection: Connection, peer: Introduction): void {
    const key = keyOf(peer);
    const boots = this.#connections.get(key);
    const connections = boots?.get(peer.boot);
    if (boots === undefined || connections === undefined || !connections.delete(connection)) return;
    if (connections.size > 0) return;
    boots.delete(peer.boot);
    if (boots.size === 0) this.#connections.delete(key);
    this.#events.onDown(key, peer.boot);
    if (boots.size === 1) this.#onOneLeft(key, boots);
  }

  /** Whoever is left speaks for the pair again, though it may have been the first of the two. */
  #onOneLeft(key: MemberKey, boots: ReadonlyMap<BootId, ReadonlySet<Connection>>): void {
    this.#events.onDuplicate(key, false);
    for (const [boot, connections] of boots) {
      this.#lastBoot.set(key, boot);
      const [connection] = connections;
      if (connection?.peer !== undefined) this.#events.onUp(connection.peer);
    }
  }

  /** Pairs that two live processes claim. */
  duplicates(): MemberKey[] {
    return [...this.#connections].flatMap(([key, boots]) => (boots.size > 1 ? [key] : []));
  }

  all(): Connection[] {
    return [...this.#connections.values()].flatMap((boots) => [...boots.values()].flatMap((set) => [...set]));
  }
}

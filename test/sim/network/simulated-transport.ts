import type { BootId, MemberKey } from "../../../src/base/index.ts";
import type { OutgoingSnapshot, Transport, TransportReceiver } from "../../../src/node/index.ts";
import type { Member, Message } from "../../../src/raft/index.ts";
import type { Gate } from "../gate.ts";
import { Connection } from "./connection.ts";
import { Transfer } from "./transfer.ts";
import type { End, Wire, Wires } from "./wires.ts";

export interface TransportSetup {
  readonly network: Wires;
  readonly gate: Gate;
  readonly host: number;
  readonly key: MemberKey;
  readonly boot: BootId;
  readonly commandVersion: number;
  /** False: it is only reached by wires that somebody lays. */
  readonly isDialing?: boolean;
  /** Transactions that the disk held when this process was started. */
  readonly startSeq: number;
  readonly durable: { readonly hard: { readonly term: number } };
  /** Sees every message before it leaves. */
  readonly onSend: (message: Message) => void;
  /** Sees every message that arrives. */
  readonly onReceive?: (message: Message) => void;
  /** Sees every message after it left. */
  readonly onSent: (message: Message) => void;
  /** Sees who is greeted, before this node does. */
  readonly onGreet?: (peer: { readonly key: MemberKey; readonly boot: BootId }) => void;
}

/** The number of a machine from its address. */
export function hostOf(member: Member): number {
  return Number(member.address.slice("host".length).split(":")[0]);
}

/** A handful of peers: a search through the lists costs less than a map. */
function byPeer(messages: readonly Message[]): [Message, ...Message[]][] {
  const batches: [Message, ...Message[]][] = [];
  for (const message of messages) {
    const batch = batches.find(([first]) => first.to === message.to);
    if (batch === undefined) batches.push([message]);
    else batch.push(message);
  }
  return batches;
}

/** The transport of one process: connections by pair and boot, redialing, and who is known gone. */
export class SimulatedTransport implements Transport, End {
  readonly gate: Gate;
  readonly host: number;
  readonly key: MemberKey;
  readonly boot: BootId;
  receiver: TransportReceiver | undefined;
  readonly #setup: TransportSetup;
  readonly #network: Wires;
  readonly #connections = new Map<MemberKey, Map<BootId, Wire>>();
  readonly #lastBoot = new Map<MemberKey, BootId>();
  #members = new Map<MemberKey, number>();
  #isDialing = false;
  isStopped = false;
  /** When each pair was heard last. */
  readonly heardAt = new Map<MemberKey, number>();

  constructor(setup: TransportSetup) {
    this.#setup = setup;
    this.#network = setup.network;
    this.gate = setup.gate;
    this.host = setup.host;
    this.key = setup.key;
    this.boot = setup.boot;
  }

  start(receiver: TransportReceiver): void {
    this.receiver = receiver;
    for (const boots of this.#connections.values()) {
      for (const connection of boots.values()) this.#greet(connection.other(this));
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#setup.onSend(message);
    // Most turns have one message for one peer.
    const [first] = messages;
    if (messages.length === 1 && first !== undefined) this.#carry(first.to, messages);
    else for (const batch of byPeer(messages)) this.#carry(batch[0].to, batch);
    for (const message of messages) this.#setup.onSent(message);
  }

  #carry(to: MemberKey, messages: readonly Message[]): void {
    const connection = this.#find(to);
    if (connection !== undefined) this.#network.carry(connection, this, messages);
  }

  introduce(): ReturnType<End["introduce"]> {
    const { key, boot } = this;
    return {
      key,
      boot,
      seq: this.#setup.startSeq,
      version: "1.0.0",
      commandVersion: this.#setup.commandVersion,
    };
  }

  receive(messages: readonly Message[]): void {
    this.gate.enter(() => {
      for (const message of messages) {
        this.heardAt.set(message.from, this.#network.scheduler.now);
        this.#setup.onReceive?.(message);
        const isOld = message.term < this.#setup.durable.hard.term;
        if (isOld && message.kind.endsWith("-reply")) this.#network.marks.hit("reply of an earlier term");
        this.receiver?.onMessage(message);
      }
    });
  }

  sendSnapshot(snapshot: OutgoingSnapshot): void {
    this.#network.marks.hit("compaction past a follower");
    const host = this.#members.get(snapshot.to);
    if (host === undefined) {
      this.#network.scheduler.soon(() => this.gate.enter(() => snapshot.done(false)));
      return;
    }
    new Transfer(this.#network, this, snapshot, host).start();
  }

  cancelSnapshot(to: MemberKey, session: number): void {
    for (const transfer of this.#network.transfers) {
      const { snapshot } = transfer;
      if (!transfer.touches(this) || snapshot.to !== to || snapshot.session !== session) continue;
      this.#network.scheduler.soon(() => transfer.finish(false));
    }
  }

  setMembers(members: readonly Member[]): void {
    this.#members = new Map();
    for (const member of members) {
      const key: MemberKey = `${member.id}~${member.incarnation}`;
      if (key !== this.key) this.#members.set(key, hostOf(member));
    }
    this.#dialSoon(0);
  }

  stop(done: () => void): void {
    this.isStopped = true;
    this.hangUp(true);
    this.#network.scheduler.soon(() => this.gate.enter(done));
  }

  /** The process ended. With `isTold` its machine tells the others; else they find out by silence. */
  hangUp(isTold: boolean): void {
    this.#network.endClonesOf(this, this);
    for (const transfer of this.#network.transfers) if (transfer.touches(this)) transfer.finish(false);
    for (const connection of this.#all()) {
      connection.closeAt(this);
      const other = connection.other(this);
      const delayMs = isTold ? 0 : this.#network.options.keepAliveMs;
      this.#network.scheduler.after(delayMs, () => other.onFarEnd(connection));
    }
    this.#connections.clear();
  }

  /** Both ends of every connection break at once. */
  reset(): void {
    for (const transfer of this.#network.transfers) if (transfer.touches(this)) transfer.finish(false);
    for (const connection of this.#all()) {
      const other = connection.other(this);
      this.close(connection);
      other.close(connection);
    }
  }

  /** The other end is gone: heard in order behind what it still sent, or late when the way is cut. */
  onFarEnd(connection: Wire): void {
    const { scheduler, links, options } = this.#network;
    const other = connection.other(this);
    const isCut = links.isBlocked(other.host, this.host);
    const delayMs = isCut ? options.keepAliveMs : links.latency(other.host, this.host);
    scheduler.at(connection.arrivalAt(this, scheduler.now + delayMs), () => this.close(connection));
  }

  /** Wires that are open at both ends. */
  openWires(): readonly Wire[] {
    return this.#all().filter((wire) => !wire.isClosedAt(this) && !wire.isClosedAt(wire.other(this)));
  }

  #all(): readonly Wire[] {
    return [...this.#connections.values()].flatMap((boots) => [...boots.values()]);
  }

  #find(key: MemberKey): Wire | undefined {
    let found: Wire | undefined;
    for (const connection of this.#connections.get(key)?.values() ?? []) found = connection;
    return found;
  }

  close(connection: Wire): void {
    this.gate.enter(() => {
      if (connection.isClosedAt(this)) return;
      const peer = connection.other(this);
      // Before it sees only one of two.
      this.#network.endClonesOf(this, peer);
      connection.closeAt(this);
      const boots = this.#connections.get(peer.key);
      if (boots?.get(peer.boot) !== connection) return;
      boots.delete(peer.boot);
      if (boots.size === 0) this.#connections.delete(peer.key);
      this.receiver?.onPeerDown({ key: peer.key, boot: peer.boot });
      if (boots.size === 1) this.#onOneLeft(peer.key, boots);
      this.#dialSoon(0);
    });
  }

  /** Whoever is left speaks for the pair again. */
  #onOneLeft(key: MemberKey, boots: ReadonlyMap<BootId, Wire>): void {
    this.receiver?.onDuplicatePair(key, false);
    for (const wire of boots.values()) this.#greet(wire.other(this));
  }

  #dialSoon(delayMs: number): void {
    if (this.#isDialing || this.isStopped || this.#setup.isDialing === false) return;
    this.#isDialing = true;
    this.#network.scheduler.after(delayMs, () =>
      this.gate.enter(() => {
        this.#isDialing = false;
        let isWanting = false;
        for (const [key, host] of this.#members) {
          if (this.#connections.has(key)) continue;
          isWanting = true;
          this.#dial(key, host);
        }
        if (isWanting) this.#dialSoon(this.#network.options.dialEveryMs * (0.5 + this.#network.random.float()));
      }),
    );
  }

  #dial(key: MemberKey, host: number): void {
    const { links, scheduler } = this.#network;
    scheduler.after(links.latency(this.host, host) * 2, () =>
      this.gate.enter(() => {
        if (this.isStopped || links.isBlocked(this.host, host) || links.isBlocked(host, this.host)) return;
        const standing = this.#network.standingAt(host);
        if (standing === "silent") return;
        if (standing === "refused") return this.#onRefused(key);
        if (standing.key !== key || standing.isStopped) return;
        if (this.#connections.get(key)?.has(standing.boot) === true) return;
        const connection = new Connection(this, standing);
        this.#add(connection);
        scheduler.after(links.latency(this.host, host), () => standing.accept(connection));
      }),
    );
  }

  accept(connection: Wire): void {
    if (!this.gate.isAlive || this.isStopped) return connection.other(this).onFarEnd(connection);
    if (connection.isClosedAt(this)) return;
    this.gate.enter(() => this.#add(connection));
  }

  #add(connection: Wire): void {
    const peer = connection.other(this);
    const boots = this.#connections.get(peer.key) ?? new Map<BootId, Wire>();
    this.#connections.set(peer.key, boots);
    const known = boots.get(peer.boot);
    const lastBoot = this.#lastBoot.get(peer.key);
    if (known === undefined && lastBoot !== undefined && lastBoot !== peer.boot && !boots.has(lastBoot)) {
      this.#gone(peer.key, lastBoot);
    }
    boots.set(peer.boot, connection);
    this.#lastBoot.set(peer.key, peer.boot);
    if (known !== undefined) return;
    if (boots.size > 1) {
      this.#network.marks.hit("two boots of one pair");
      this.receiver?.onDuplicatePair(peer.key, true);
      this.#probeOldBoots(peer.key, peer.boot);
    }
    this.#greet(peer);
  }

  /** A machine that came back answers to the packets of its former connections with a reset. */
  #probeOldBoots(key: MemberKey, boot: BootId): void {
    const { scheduler, options } = this.#network;
    for (const [other, connection] of this.#connections.get(key) ?? []) {
      if (other === boot) continue;
      scheduler.after(options.latencyMsMax * 2, () => {
        const end = connection.other(this);
        // Of two that both live each keeps its connection.
        if (!end.gate.isAlive || connection.isClosedAt(end)) this.close(connection);
      });
    }
  }

  #greet(peer: End): void {
    this.#setup.onGreet?.(peer);
    this.receiver?.onHello(peer.introduce());
  }

  #onRefused(key: MemberKey): void {
    const boot = this.#lastBoot.get(key);
    if (boot !== undefined && !this.#connections.has(key)) this.#gone(key, boot);
  }

  #gone(key: MemberKey, boot: BootId): void {
    this.#network.marks.hit("leader known gone");
    this.receiver?.onPeerGone({ key, boot });
  }
}

import { ByteReader, ByteWriter, type Prng } from "../../../src/base/index.ts";
import type { Message } from "../../../src/raft/index.ts";
import { readMessage, writeMessage } from "../../../src/transport/message-codec.ts";
import type { Marks } from "../marks.ts";
import type { Scheduler } from "../scheduler.ts";
import type { NetworkOptions } from "../swarm.ts";
import type { Trace } from "../trace.ts";
import { Links } from "./links.ts";
import type { End, RunningTransfer, Standing, Wire, Wires } from "./wires.ts";

/** The wires between machines. Messages are lost, doubled and reordered as the options say. */
export class Network implements Wires {
  readonly scheduler: Scheduler;
  readonly options: NetworkOptions;
  readonly random: Prng;
  readonly links: Links;
  readonly trace: Trace;
  readonly marks: Marks;
  readonly transfers = new Set<RunningTransfer>();
  /** The wires behave from here on. */
  isCalm = false;
  /** How to end the clone of a live process, by its transport. */
  readonly clones = new Map<End, () => void>();
  /** Messages of this kind come twice. */
  doubled: Message["kind"] | undefined;
  /** Changes the next message of this machine that it can change. */
  damage: { readonly from: number; readonly change: (message: Message) => Message | undefined } | undefined;
  readonly #standingAt: (host: number) => Standing;

  constructor(
    world: { readonly scheduler: Scheduler; readonly trace: Trace; readonly marks: Marks },
    options: NetworkOptions,
    random: Prng,
    standingAt: (host: number) => Standing,
  ) {
    this.scheduler = world.scheduler;
    this.trace = world.trace;
    this.marks = world.marks;
    this.options = options;
    this.random = random;
    this.links = new Links(world.scheduler, options, random.fork());
    this.#standingAt = standingAt;
  }

  standingAt(host: number): Standing {
    return this.#standingAt(host);
  }

  /** Everything that one turn wants to tell one peer. */
  carry(connection: Wire, from: End, messages: readonly Message[]): void {
    const to = connection.other(from);
    if (this.damage?.from === from.host) messages = this.#damaged(messages, this.damage.change);
    if (this.doubled !== undefined) {
      messages = messages.flatMap((message) => (message.kind === this.doubled ? [message, message] : [message]));
      if (messages.some(({ kind }) => kind === this.doubled && kind === "vote-reply")) {
        this.marks.hit("vote reply doubled");
      }
    }
    const { lossChance, duplicateChance, reorderChance } = this.options;
    if (this.isCalm || lossChance + duplicateChance + reorderChance === 0)
      return this.#deliver(connection, to, messages);
    const inOrder: Message[] = [];
    for (const message of messages) {
      if (this.random.chance(lossChance)) continue;
      if (this.random.chance(reorderChance)) this.#stray(connection, to, message);
      else inOrder.push(message);
      if (!this.random.chance(duplicateChance)) continue;
      if (message.kind === "vote-reply") this.marks.hit("vote reply doubled");
      this.#stray(connection, to, message);
    }
    if (inOrder.length > 0) this.#deliver(connection, to, inOrder);
  }

  endClonesOf(one: End, other: End): void {
    if (this.clones.size === 0) return;
    this.clones.get(one)?.();
    this.clones.get(other)?.();
  }

  #damaged(messages: readonly Message[], change: (message: Message) => Message | undefined): readonly Message[] {
    for (const [at, message] of messages.entries()) {
      const changed = change(message);
      if (changed === undefined) continue;
      this.damage = undefined;
      this.marks.hit("damaged entry on the wire");
      return messages.with(at, changed);
    }
    return messages;
  }

  cutTransfers(): void {
    for (const transfer of this.transfers) transfer.finish(false);
  }

  #deliver(connection: Wire, to: End, messages: readonly Message[]): void {
    const from = connection.other(to);
    const at = this.scheduler.now + this.links.latency(from.host, to.host);
    this.scheduler.at(connection.arrivalAt(to, at), () => this.#arrive(connection, to, messages));
  }

  #stray(connection: Wire, to: End, message: Message): void {
    this.scheduler.after(this.random.float() * this.options.reorderMsMax, () =>
      this.#arrive(connection, to, [message]),
    );
  }

  #arrive(connection: Wire, to: End, messages: readonly Message[]): void {
    const from = connection.other(to);
    const fate = this.links.holdIfCut(from.host, to.host, () => this.#arrive(connection, to, messages));
    if (fate !== "open") return;
    if (connection.isClosedAt(to) && !this.random.chance(this.options.ghostChance)) return;
    // A ghost reaches whoever is there by now: another start, or another node, at the same address.
    const standing = to.gate.isAlive ? to : this.#standingAt(to.host);
    if (standing === "refused" || standing === "silent") return;
    standing.receive(this.options.isEncoded ? messages.map((message) => recode(message)) : messages);
  }
}

/** Through the bytes and back. */
function recode(message: Message): Message {
  const out = new ByteWriter();
  writeMessage(out, message);
  const { clusterId, epoch, from, fromBoot, to } = message;
  return readMessage(new ByteReader(out.finish()), { clusterId, epoch, from, fromBoot, to });
}

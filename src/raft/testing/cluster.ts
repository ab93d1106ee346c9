import { assert, createPrng, defined, type LogIndex, type MemberKey, type Prng } from "../../base/index.ts";
import { createCore } from "../core.ts";
import type { CoreOptions, CoreStatus, RaftCore } from "../core-types.ts";
import type { Effects, Observation, Persist, RequestOutcome } from "../effects.ts";
import type { Entry } from "../entry.ts";
import type { RaftEvent } from "../event.ts";
import type { Message, MessageBody } from "../message.ts";
import {
  bootOf,
  bootstrappedDisk,
  CLUSTER_ID,
  EPOCH,
  keyOf,
  membershipOf,
  optionsFor,
  writeToDisk,
  type Disk,
} from "./fixtures.ts";

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An event without its time: the node's clock fills it in. */
export type Happening = DistributiveOmit<RaftEvent, "now">;

/** One core with its disk: applies what is committed, remembers everything it was told. */
export class TestNode {
  readonly id: string;
  readonly key: MemberKey;
  readonly disk: Disk;
  readonly boot: string;
  readonly startSeq: number;
  core: RaftCore;
  now: number;
  nextWake = 0;
  /** Writes that are asked for and not on disk yet. */
  readonly pending: Persist[] = [];
  /** Messages that wait for a ticket. */
  #held: { readonly message: Message; readonly after: number }[] = [];
  #durable = 0;
  readonly applied: Entry[] = [];
  #appliedIndex: LogIndex;
  readonly accepted: Effects["accepted"][number][] = [];
  readonly reads: { readonly request: number; readonly index: LogIndex }[] = [];
  readonly outcomes = new Map<number, RequestOutcome>();
  readonly observed: Observation[] = [];
  readonly snapshotOrders: Effects["sendSnapshot"][number][] = [];
  readonly snapshotCancels: Effects["cancelSnapshot"][number][] = [];
  /** Number of the newest pre-vote round that was sent. */
  preVoteRound = 0;
  /** Number of the newest round of appends that was sent. */
  lastRound = 0;
  readonly #release: (messages: readonly Message[]) => void;

  constructor(options: CoreOptions, disk: Disk, release: (messages: readonly Message[]) => void) {
    this.key = options.self;
    this.id = options.self.slice(0, options.self.indexOf("~"));
    this.boot = options.boot;
    this.startSeq = options.seq;
    this.disk = disk;
    this.core = createCore(options);
    this.now = options.now;
    this.#appliedIndex = options.applied;
    this.#release = release;
    this.step({ kind: "tick" });
  }

  get status(): CoreStatus {
    return this.core.status();
  }

  /** One step; what it wants is done at once, but for the writes. */
  step(happening: Happening): Effects {
    const effects = this.core.step({ ...happening, now: this.now });
    this.core.check();
    this.nextWake = effects.nextWake;
    if (effects.persist !== undefined) this.pending.push(effects.persist);
    this.accepted.push(...effects.accepted);
    this.reads.push(...effects.reads);
    for (const { request, outcome } of effects.done) {
      assert(!this.outcomes.has(request), () => `The request ${request} must be answered once`);
      this.outcomes.set(request, outcome);
    }
    this.observed.push(...effects.observe);
    this.snapshotOrders.push(...effects.sendSnapshot);
    this.snapshotCancels.push(...effects.cancelSnapshot);
    if (effects.installSnapshot !== undefined) this.#appliedIndex = effects.installSnapshot.index;
    const ready: Message[] = [];
    for (const { message, after } of effects.send) {
      if (message.kind === "pre-vote") this.preVoteRound = message.round;
      if (message.kind === "append") this.lastRound = message.round;
      if (after === undefined || after <= this.#durable) ready.push(message);
      else this.#held.push({ message, after });
    }
    if (ready.length > 0) this.#release(ready);
    if (effects.load !== undefined) {
      const { from, to } = effects.load;
      const entries = this.disk.entries.filter(({ index }) => index >= from && index < to);
      this.step({ kind: "entries-loaded", entries });
    }
    return effects;
  }

  /** The oldest `count` writes reach the disk. */
  flush(count = Infinity): void {
    for (let i = 0; i < count; i += 1) {
      const persist = this.pending.shift();
      if (persist === undefined) return;
      writeToDisk(this.disk, persist);
      this.#durable = persist.ticket;
      this.step({ kind: "persisted", ticket: persist.ticket, seq: this.disk.seq });
      if (persist.reset !== undefined) this.step({ kind: "snapshot-installed", index: persist.reset.index });
      const { term } = this.status;
      const due = this.#held.filter(({ after }) => after <= persist.ticket);
      this.#held = this.#held.filter(({ after }) => after > persist.ticket);
      const current = due.filter(({ message }) => message.kind !== "append-reply" || message.term === term);
      this.#release(current.map(({ message }) => message));
    }
  }

  apply(): void {
    const entries = this.core.committedEntries(this.#appliedIndex + 1, Infinity);
    if (entries === "loading" || entries.length === 0) return;
    this.applied.push(...entries);
    this.#appliedIndex += entries.length;
    this.step({ kind: "applied", index: this.#appliedIndex });
  }

  /** Takes a snapshot of what is applied, and forgets the log up to `to`. */
  compact(to = this.status.applied): void {
    const index = this.status.applied;
    const point = this.core.entryId(index);
    if (point === undefined || index <= this.status.snapshotIndex) return;
    const inForce = this.core.membershipAt(index);
    const membership = { membership: inForce.membership, membershipIndex: inForce.index, seqs: this.core.memberSeqs() };
    const stored = { id: `${point.term}-${index}`, sizeBytes: 1, sha256: "", stateHash: "", hashVersion: 1, format: 1 };
    const meta = { ...point, ...membership, ...stored, clusterId: CLUSTER_ID, epoch: EPOCH, origin: "local" as const };
    this.disk.snapshot = meta;
    this.step({ kind: "snapshot-taken", meta, compactTo: to });
  }

  receive(message: Message): void {
    this.step({ kind: "receive", message });
  }

  /** A message from another process, filled in as its transport would. */
  hear(from: string, term: number, body: MessageBody): void {
    const key = keyOf(from);
    const header = { clusterId: CLUSTER_ID, epoch: EPOCH, from: key, fromBoot: bootOf(from), to: this.key, term };
    this.receive({ ...header, ...body });
  }

  propose(request: number, ...bytes: number[]): void {
    const commands = bytes.map((byte) => new Uint8Array([byte]));
    this.step({ kind: "propose", request, commands });
  }

  marks(mark: string): number {
    return this.observed.filter((seen) => seen.kind === "mark" && seen.mark === mark).length;
  }
}

/** A node alone, its messages caught. For what one core does with one event. */
export function lonelyNode(
  id: string,
  disk: Disk,
  more: Partial<CoreOptions> = {},
): { readonly node: TestNode; readonly sent: Message[] } {
  const sent: Message[] = [];
  const node = new TestNode(optionsFor(id, disk, more), disk, (messages) => sent.push(...messages));
  return { node, sent };
}

/** Several cores, a queue of messages and one clock. Nothing is random but timeouts, and those are seeded. */
export class Cluster {
  readonly nodes = new Map<string, TestNode>();
  readonly queue: Message[] = [];
  /** Links that lose everything, as `from>to`. */
  readonly cut = new Set<string>();
  /** Nodes whose disk does not finish any write. */
  readonly stalled = new Set<string>();
  /** Every message that was delivered. */
  readonly delivered: Message[] = [];
  /** The share of messages that is lost, and the same of those that are doubled or come late, in any order. */
  chaos = 0;
  readonly #late: Message[] = [];
  readonly #prng: Prng;
  readonly #starts = new Map<string, number>();
  readonly #more: Partial<CoreOptions>;
  now = 0;

  constructor(ids: readonly string[], seed = 1, more: Partial<CoreOptions> = {}) {
    this.#prng = createPrng(seed);
    this.#more = more;
    const membership = membershipOf(ids);
    for (const id of ids) this.start(id, bootstrappedDisk(membership));
  }

  node(id: string): TestNode {
    return defined(this.nodes.get(id), `The node ${id}`);
  }

  get leader(): TestNode | undefined {
    const leaders = [...this.nodes.values()].filter(({ status }) => status.role === "leader");
    return leaders.toSorted((a, b) => b.status.term - a.status.term)[0];
  }

  /** Starts a process on a disk; all others get to know it. */
  start(id: string, disk: Disk, self = keyOf(id)): TestNode {
    const starts = (this.#starts.get(id) ?? 0) + 1;
    this.#starts.set(id, starts);
    const boot = bootOf(id, starts);
    const prng = this.#prng.fork();
    const own = { self, boot, now: this.now, random: () => prng.float() };
    const options = optionsFor(id, disk, { ...this.#more, ...own });
    const node = new TestNode(options, disk, (messages) => this.queue.push(...messages));
    this.nodes.set(id, node);
    for (const other of this.nodes.values()) {
      if (other === node) continue;
      this.introduce(node, other);
      this.introduce(other, node);
    }
    return node;
  }

  /** The process dies; writes that are not on disk are lost. */
  crash(id: string): Disk {
    const { disk, key, boot } = this.node(id);
    this.nodes.delete(id);
    for (const node of this.nodes.values()) node.step({ kind: "peer-down", key, boot });
    return disk;
  }

  restart(id: string): TestNode {
    const { key } = this.node(id);
    return this.start(id, this.crash(id), key);
  }

  /** Tells `to` that a connection with `from` is up. */
  introduce(from: TestNode, to: TestNode): void {
    const { key, boot, startSeq } = from;
    const hello = { kind: "hello" as const, key, boot, seq: startSeq };
    to.step({ ...hello, version: "1", commandVersion: 1 });
  }

  introduceAll(): void {
    for (const from of this.nodes.values()) {
      for (const to of this.nodes.values()) if (from !== to) this.introduce(from, to);
    }
  }

  isolate(id: string): void {
    for (const other of this.nodes.keys()) {
      this.cut.add(`${id}>${other}`);
      this.cut.add(`${other}>${id}`);
    }
  }

  heal(): void {
    this.cut.clear();
  }

  /** Delivers, writes and applies until nothing is left to do at this moment. */
  settle(): void {
    for (let turn = 0; turn < 1000; turn += 1) {
      for (const message of this.#takeMessages()) this.#deliver(message);
      for (const node of this.nodes.values()) {
        if (!this.stalled.has(node.id) && !this.#prng.chance(this.chaos)) node.flush();
        node.apply();
      }
      if (this.queue.length === 0) return;
    }
    assert(false, "A cluster must come to rest");
  }

  /** Lets time pass, from one timer to the next. */
  run(ms: number): void {
    const end = this.now + ms;
    this.queue.push(...this.#late.splice(0));
    this.settle();
    for (;;) {
      const wakes = [...this.nodes.values()].map(({ nextWake }) => nextWake);
      const next = Math.max(this.now, Math.min(...wakes));
      if (next > end) break;
      this.#moveTo(Math.max(next, this.now + 0.001));
      for (const node of this.nodes.values()) if (node.nextWake <= this.now) node.step({ kind: "tick" });
      this.settle();
    }
    this.#moveTo(end);
  }

  /** Runs until there is a leader that all others follow. */
  elect(): TestNode {
    for (let i = 0; i < 100; i += 1) {
      const { leader } = this;
      if (leader !== undefined && leader.status.commit === leader.status.lastIndex && this.#allFollow(leader))
        return leader;
      this.run(100);
    }
    throw new Error("No leader was elected");
  }

  /** Makes one node the leader, by the others' silence. */
  electNode(id: string): TestNode {
    const first = this.elect();
    if (first.id === id) return first;
    first.step({ kind: "transfer", request: 1_000_000 + this.now, to: this.node(id).key });
    this.run(500);
    const leader = this.elect();
    assert(leader.id === id, () => `The node ${id} must lead`);
    return leader;
  }

  /** Carries the snapshots that were ordered, whole and at once, unless the link is cut. */
  carrySnapshots(): void {
    for (const node of this.nodes.values()) {
      for (const { to, session, term } of node.snapshotOrders.splice(0)) {
        const meta = node.disk.snapshot;
        const follower = [...this.nodes.values()].find(({ key }) => key === to);
        const isLost = follower === undefined || this.cut.has(`${node.id}>${follower.id}`);
        if (!isLost && meta !== undefined) {
          const received = { ...meta, origin: "received" as const };
          follower.step({ kind: "snapshot-received", from: node.key, term, session, meta: received });
        }
        node.step({ kind: "snapshot-sent", to, session, ok: !isLost });
      }
    }
  }

  followers(): TestNode[] {
    const { leader } = this;
    return [...this.nodes.values()].filter((node) => node !== leader);
  }

  #allFollow(leader: TestNode): boolean {
    return [...this.nodes.values()].every(
      ({ status }) => status.leader === leader.key && status.term === leader.status.term,
    );
  }

  #takeMessages(): readonly Message[] {
    const messages = this.queue.splice(0);
    if (this.chaos === 0) return messages;
    const taken: Message[] = [];
    for (const message of messages) {
      if (this.#prng.chance(this.chaos)) continue;
      if (this.#prng.chance(this.chaos)) this.#late.push(message);
      else taken.splice(this.#prng.between(0, taken.length + 1), 0, message);
      if (this.#prng.chance(this.chaos)) this.#late.push(message);
    }
    return taken;
  }

  #moveTo(now: number): void {
    this.now = now;
    for (const node of this.nodes.values()) node.now = now;
  }

  #deliver(message: Message): void {
    const from = message.from.slice(0, message.from.indexOf("~"));
    const to = message.to.slice(0, message.to.indexOf("~"));
    const node = this.nodes.get(to);
    if (node === undefined || this.cut.has(`${from}>${to}`)) return;
    this.delivered.push(message);
    node.receive(message);
  }
}

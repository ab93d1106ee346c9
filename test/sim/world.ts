import {
  createPrng,
  unreachable,
  type ClusterId,
  type Epoch,
  type LogIndex,
  type MemberKey,
  type Prng,
  type Term,
} from "../../src/base/index.ts";
import {
  chainAfter,
  chainStart,
  encodeMembership,
  type Entry,
  type Membership,
  type Message,
  type Observation,
} from "../../src/raft/index.ts";
import { Host } from "./host.ts";
import { checkUnderstood } from "./invariants/known-versions.ts";
import { createReporter, type Fail } from "./invariants/reporter.ts";
import { TransferEnds } from "./invariants/transfer-ends.ts";
import { Marks } from "./marks.ts";
import { Network } from "./network/network.ts";
import { Watchpoints } from "./nemesis/watchpoints.ts";
import type { Standing } from "./network/wires.ts";
import { Oracle } from "./oracle.ts";
import { Ledger } from "./registry/ledger.ts";
import type { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import type { Beside, Caller, Machine, Running, Stage } from "./stage.ts";
import type { SwarmOptions } from "./swarm.ts";
import type { Trace } from "./trace.ts";
import type { Violation } from "./violation.ts";
import { Asks } from "./workload/asks.ts";
import { History } from "./workload/history.ts";

/** Steps between two looks at every index of a process. */
const STATUS_EVERY_STEPS = 64;
/** Events at one moment of simulated time that are no longer a burst. */
const STANDSTILL_MAX = 20_000;

/** Everything that is simulated: machines, wires, clients, and the oracle that watches. */
export class World implements Stage {
  readonly options: SwarmOptions;
  readonly scheduler = new Scheduler();
  readonly marks = new Marks();
  readonly history = new History();
  readonly trace: Trace;
  readonly fail: Fail;
  readonly oracle: Oracle;
  readonly network: Network;
  readonly hosts: readonly Host[];
  readonly ledger: Ledger;
  readonly watchpoints = new Watchpoints(this.scheduler);
  readonly transferEnds: TransferEnds;
  clients: readonly Caller[] = [];
  asks = new Asks();
  /** Processes beside those of the machines. */
  readonly phantoms = new Set<Beside>();
  readonly clusterId: ClusterId = "5".repeat(32);
  readonly epoch: Epoch = { counter: 0, random: "00000000" };
  readonly random: Prng;
  /** Everything that was acknowledged to anyone is at or below this index. */
  ackedIndex: LogIndex = 0;
  ackedCount = 0;
  /** The first promise that was broken. */
  violation: Violation | undefined;
  /** When the last change of voters was asked for: until it has settled, no disk may be lost as well. */
  changedAt = -Infinity;
  /** Who waits for machines to be in some state: looks again whenever one changes. */
  readonly lookouts = new Set<() => void>();
  /** No machine goes back to the old release any more: the operator raises the cluster version once all members understand it. */
  isUpgraded = false;
  readonly #refused = new Set<number>();
  #minted = 0;
  #values = 0;
  #steps = 0;
  #messages = 0;

  constructor(options: SwarmOptions, trace: Trace) {
    this.options = options;
    this.trace = trace;
    this.random = createPrng(options.seed * 7919 + 1);
    const report = createReporter(this.scheduler);
    this.fail = (rule, detail) => {
      // The code under test may catch what a check throws in the middle of it: the first one is what counts.
      this.violation ??= { rule, detail, at: this.scheduler.now };
      return report(rule, detail);
    };
    this.oracle = new Oracle(this.fail, this.marks, () => this.ackedIndex);
    this.transferEnds = new TransferEnds(this.fail, this.scheduler, options);
    this.ledger = new Ledger({ now: () => this.scheduler.now, fail: this.fail, driftMax: options.driftMax });
    this.network = new Network(this, options.network, this.random.fork(), (host) => this.#standingAt(host));
    this.hosts = Array.from({ length: options.hostCount }, (_, number) => {
      const wish = number < options.voterCount ? "voter" : this.random.pick(["voter", "learner", "absent"] as const);
      return new Host(this, number, { random: this.random.fork(), wish });
    });
  }

  get refused(): ReadonlySet<number> {
    return this.#refused;
  }

  get messageCount(): number {
    return this.#messages;
  }

  /** Founds the cluster and lets everybody begin. */
  start(): void {
    const founders = this.hosts.slice(0, this.options.voterCount);
    const first = this.#firstEntry(founders);
    for (const host of this.hosts) {
      host.prepare(founders.includes(host) ? [first] : []);
      this.scheduler.after(this.random.float() * 20, () => host.start());
    }
  }

  /** 16 hex digits that nobody else has. */
  mint(): string {
    this.#minted += 1;
    return this.#minted.toString(16).padStart(16, "0");
  }

  nextValue(): number {
    this.#values += 1;
    return this.#values;
  }

  /** The live process that leads in the highest term, if any knows that it does. */
  leader(): Process | undefined {
    let found: Process | undefined;
    for (const { process } of this.hosts) {
      if (process === undefined || process.isPaused || process.ledTerm === undefined) continue;
      if (found?.ledTerm === undefined || process.ledTerm > found.ledTerm) found = process;
    }
    return found;
  }

  /** A pair that is still a member lost its disk: an operator who takes away voters now ends the cluster. */
  get isMissingPair(): boolean {
    const keys = new Set(this.hosts.filter((host) => !host.isLost && !host.isMarred).map(({ key }) => key));
    const members = this.oracle.memberships.current?.members ?? new Map<MemberKey, unknown>();
    return [...members.keys()].some((key) => !keys.has(key));
  }

  onStep(process: Running): void {
    this.#steps += 1;
    if (this.scheduler.standstill > STANDSTILL_MAX) {
      this.fail("time moves on", `${process.key} runs turn after turn without waiting for anything`);
    }
    if (this.options.isDear || this.#steps % STATUS_EVERY_STEPS === 0) process.checkStatus();
  }

  onSend(process: Running, message: Message): void {
    this.#messages += 1;
    this.watchpoints.tell({ kind: "sent", process, message });
    this.trace.mix(this.scheduler.now);
    this.trace.mix(process.host.number * 64 + message.kind.length + message.term * 512);
    this.trace.line(this.scheduler.now, () => describe(message));
    if (message.kind === "append") this.#markAppend(message);
    if (message.kind === "vote" && this.oracle.memberships.current?.voters.includes(process.key) === false) {
      this.marks.hit("vote request of a non-member");
    }
  }

  onObservation(process: Running, observation: Observation): void {
    this.trace.mixText(observation.kind);
    if (observation.kind === "role" || observation.kind === "membership") this.#wakeLookouts();
    this.watchpoints.tell({ kind: "observed", process, observation });
    this.trace.line(this.scheduler.now, () => `${process.key} ${JSON.stringify(observation, withoutMembers)}`);
    switch (observation.kind) {
      case "mark":
        this.marks.add(`core: ${observation.mark}`, 1);
        this.#onCoreMark(process, observation.mark);
        if (observation.mark === "transfer-started") this.transferEnds.onStarted(process);
        return;
      case "truncated":
        this.marks.hit("suffix truncated");
        return;
      case "role":
        this.#onRole(process, observation);
        return;
      case "dropped":
        this.marks.add(`dropped: ${observation.reason}`, 1);
        return;
      case "diverged":
      case "version-unknown":
      case "distrusted":
      case "duplicate":
      case "leader":
        return;
      case "membership":
        if (observation.membership.clusterVersion > 1) checkUnderstood(observation.membership, this.hosts, this.fail);
        return;
      default:
        return unreachable(observation);
    }
  }

  onStarted(process: Running): void {
    this.trace.line(this.scheduler.now, () => `${process.key} runs as ${process.boot}`);
  }

  onDied(process: Running): void {
    if (this.hosts.every((host) => host.process === undefined)) this.marks.hit("all nodes down");
    for (const client of this.clients) client.onDied(process);
  }

  onUntrusted(host: Machine, reason: string): void {
    this.trace.line(this.scheduler.now, () => `${host.key} is untrusted: ${reason}`);
    if (host.isRolledBack) this.marks.hit("folder put back was told");
    else if (host.log.isBroken) this.marks.hit("fsync failed");
    else if (host.isMarred) this.marks.hit("damaged log not trusted");
    else this.fail("only broken disks are distrusted", `${host.key}: ${reason}`);
  }

  onAcknowledged(ack: {
    readonly index: LogIndex;
    readonly term: Term;
    readonly command: Uint8Array;
    readonly by: MemberKey;
  }): void {
    const committed = this.oracle.committed.at(ack.index)?.entry;
    if (committed === undefined || committed.term !== ack.term || Buffer.compare(committed.data, ack.command) !== 0) {
      this.fail(
        "acknowledged is committed",
        `${ack.by} acknowledges (${ack.index}, term ${ack.term}), which is not in the log`,
      );
    }
    this.ackedIndex = Math.max(this.ackedIndex, ack.index);
    this.ackedCount += 1;
  }

  onRead(index: LogIndex): void {
    this.ackedIndex = Math.max(this.ackedIndex, index);
  }

  /** Said to be surely not in the log: it must never be found there. */
  onRefused(value: number): void {
    this.#refused.add(value);
  }

  #wakeLookouts(): void {
    for (const look of this.lookouts) this.scheduler.soon(look);
  }

  wasPausedLately(process: Running): boolean {
    return this.scheduler.now - process.lastPauseEnd < 30_000;
  }

  #onCoreMark({ host }: Running, mark: string): void {
    if (mark === "learner-promoted" && this.network.links.isCut) this.marks.hit("learner promoted in a partition");
    if (mark === "transfer-started" && host.log.isFull) this.marks.hit("full disk led to a transfer");
  }

  #onRole(process: Running, role: Extract<Observation, { kind: "role" }>): void {
    const led = process.ledTerm;
    process.ledTerm = role.role === "leader" ? role.term : undefined;
    if (led !== undefined && role.role !== "leader") {
      if (this.clients.some((client) => client.isReadingFrom(process))) this.marks.hit("read pending at step-down");
      const status = process.status();
      if (status !== undefined && status.commit < status.lastIndex) {
        this.marks.hit("leader deposed with uncommitted suffix");
      }
      if (/quorum|lease/i.test(role.reason)) this.marks.hit("check-quorum step-down");
    }
    if (role.role === "candidate") this.#onCandidate(process, role.term);
    if (role.role !== "leader") return;
    process.ledSince = this.scheduler.now;
    if (new Set(this.hosts.map(({ commandVersion }) => commandVersion)).size > 1) {
      this.marks.hit("leader elected among mixed releases");
    }
    if (this.hosts.some((host) => host.process !== process && host.process?.ledTerm !== undefined)) {
      this.marks.hit("overlapping leaders");
    }
  }

  #onCandidate(process: Running, term: number): void {
    process.candidacies = term === process.candidateTerm + 1 ? process.candidacies + 1 : 1;
    process.candidateTerm = term;
    if (process.candidacies > 1) this.marks.hit("split vote");
    if (process.candidacies > 2) this.marks.hit("split vote of three rounds");
  }

  #markAppend(message: Extract<Message, { kind: "append" }>): void {
    if (message.entries.length === 0) return;
    const to = this.hosts.find((host) => host.key === message.to)?.process?.durable;
    if (to !== undefined && message.prevIndex < to.commitHint) {
      this.marks.hit("append below commit");
    }
  }

  #standingAt(number: number): Standing {
    const host = this.hosts[number];
    if (host === undefined || !host.isOn) return "silent";
    const { process } = host;
    if (process === undefined) return "refused";
    if (process.isPaused) return "silent";
    return process.transport.receiver === undefined ? "refused" : process.transport;
  }

  #firstEntry(founders: readonly Host[]): Entry {
    const membership: Membership = {
      voters: founders.map(({ key }) => key),
      outgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: true,
      members: new Map(founders.map((host) => [host.key, host.member(1)] as const)),
      clusterVersion: 1,
    };
    const entry = { index: 1, term: 1, kind: "membership" as const, time: 0, data: encodeMembership(membership) };
    return { ...entry, chain: chainAfter(chainStart(this.clusterId, this.epoch), entry) };
  }
}

function withoutMembers(key: string, value: unknown): unknown {
  return key === "members" ? undefined : value;
}

function describe(message: Message): string {
  const { clusterId: _cluster, epoch: _epoch, fromBoot: _boot, from, to, kind, ...rest } = message;
  const shown = JSON.stringify(rest, (key, value: unknown) => {
    return key === "entries" && Array.isArray(value) ? value.length : value;
  });
  return `${from} -> ${to} ${kind} ${shown}`;
}

import { memberKey, type BootId, type Clock, type Prng } from "../../../src/base/index.ts";
import { createCluster, joinCluster } from "../../../src/agent/identity.ts";
import {
  answerPeer,
  form,
  watchOtherClusters,
  type AnsweringOptions,
  type Formed,
} from "../../../src/cluster/index.ts";
import {
  DEFAULT_NODE_LIMITS,
  openRaftNode,
  type Identity,
  type Member,
  type RaftNode,
} from "../../../src/node/index.ts";
import { LogDisk } from "../../sim/disk/log-disk.ts";
import { LogImage } from "../../sim/disk/log-image.ts";
import { SnapshotDisk } from "../../sim/disk/snapshot-disk.ts";
import { SimulatedTransport } from "../../sim/network/simulated-transport.ts";
import { TinyMachine } from "../../sim/workload/tiny-machine.ts";
import { createCalls } from "./boot-calls.ts";
import type { BootStage, Fate, Folder, Neighbour, Orders } from "./boot-stage.ts";

const RESTART_MS = 5_000;
const DISK = { syncMsMin: 0.5, syncMsMax: 2, slowSyncChance: 0, slowSyncMs: 0, readMs: 0.1, keepUnsyncedChance: 0.5 };
const TIMING = { heartbeatTimeoutMs: 1000, electionTimeoutMs: 1000, leaderLeaseTimeoutMs: 500 };
const MIB = 1 << 20;
const RAFT_LIMITS = {
  inflightCountMax: 64,
  inflightBytesMax: MIB,
  messageBytesMax: MIB,
  unappliedBytesMax: MIB,
  cacheBytesMax: MIB,
  snapshotSendsMax: 2,
};

const EMPTY: Omit<Folder, "image"> = { isUntrusted: false, record: "", knownPeers: [], formation: undefined };

/** One machine with its folder, and the process on it; what `startNode` does, over simulated ports. */
export class BootHost {
  readonly number: number;
  readonly address: string;
  folder: Folder = { ...EMPTY, image: new LogImage(0) };
  orders: Orders = { isBootstrap: false, expect: 0, joinAddresses: [] };
  process: BootProcess | undefined;
  /** Why the last process ended by itself, and is not started again. */
  ended: string | undefined;
  readonly #world: BootStage;

  constructor(world: BootStage, number: number) {
    this.#world = world;
    this.number = number;
    this.address = `host${number}:7000`;
  }

  suffer(fate: Fate): void {
    const { image } = this.folder;
    if (fate === "wiped") this.folder = { ...EMPTY, image: new LogImage(0) };
    if (fate === "quarantined") this.folder = { ...this.folder, image: image.copy(), isUntrusted: true };
    if (fate === "log gone") this.folder = { ...this.folder, image: new LogImage(0) };
  }

  start(): void {
    if (this.process !== undefined || this.ended !== undefined) return;
    const process = new BootProcess(this.#world, this);
    this.process = process;
    process.enter(() => process.begin());
  }

  /** The process gave up; the supervisor starts it again, unless only an operator can help. */
  end(reason: string, isFinal: boolean): void {
    this.kill();
    if (isFinal) this.ended = reason;
    else this.#world.scheduler.after(RESTART_MS, () => this.start());
  }

  kill(): void {
    this.process?.die();
    this.process = undefined;
  }
}

/** From its start to its end. */
export class BootProcess implements Neighbour {
  isAlive = true;
  identity: Identity | undefined;
  node: RaftNode | undefined;
  transport: SimulatedTransport | undefined;
  readonly machine = new TinyMachine();
  readonly boot: BootId;
  readonly self: Member;
  readonly answering: AnsweringOptions;
  readonly clock: Clock;
  readonly #world: BootStage;
  readonly #host: BootHost;
  readonly #random: Prng;
  readonly #formerCluster: string;

  constructor(world: BootStage, host: BootHost) {
    this.#world = world;
    this.#host = host;
    this.#random = world.random.fork();
    this.boot = world.mint();
    const { scheduler } = world;
    this.clock = {
      now: () => scheduler.now,
      wall: () => scheduler.now,
      at: (at, task) => scheduler.at(at + 0.001, () => this.enter(task)),
      defer: (task) => scheduler.soon(() => this.enter(task)),
    };
    const { folder, orders, number, address } = host;
    const known = folder.isUntrusted ? undefined : folder.image.identity;
    this.#formerCluster = known === undefined ? folder.record : "";
    this.self = {
      id: `n${number}`,
      incarnation: known?.incarnation ?? world.mint(),
      name: `n${number}`,
      address,
      httpAddress: "",
      zone: "",
      version: "1.0.0",
      commandVersion: 1,
      nonVoter: false,
      admitted: 0,
      publicKey: "",
    };
    this.answering = {
      clock: this.clock,
      self: this.self,
      isBootstrap: orders.isBootstrap,
      expect: orders.expect,
      formerCluster: this.#formerCluster,
      formations: {
        read: () => host.folder.formation,
        write: (formation) => {
          host.folder = { ...host.folder, formation };
        },
      },
      identity: () => this.identity,
      node: () => this.node,
      onInvited: () => undefined,
      onRefused: () => undefined,
      onClaimed: (reason) => host.end(reason, true),
    };
  }

  get key(): string {
    return memberKey(this.self.id, this.self.incarnation);
  }

  enter(task: () => void): void {
    if (this.isAlive) task();
  }

  /** Answers a question of another node. */
  answer(call: Parameters<typeof answerPeer>[1], answer: (body: Uint8Array) => void): void {
    answerPeer(this.answering, call, answer);
  }

  begin(): void {
    const { folder, orders } = this.#host;
    if (!folder.isUntrusted && folder.image.identity !== undefined) return this.#open(folder.image.identity);
    const others = [...new Set([...orders.joinAddresses, ...folder.knownPeers])].filter(
      (address) => address !== this.self.address,
    );
    if (this.#formerCluster !== "" && others.length === 0) return this.#host.end("its data is gone", true);
    form(
      {
        clock: this.clock,
        random: () => this.#random.float(),
        calls: createCalls(this.#world, this),
        self: this.self,
        isBootstrap: orders.isBootstrap,
        formerCluster: this.#formerCluster,
        joinAddresses: () => (this.#formerCluster === "" ? orders.joinAddresses : others),
        expect: orders.expect,
        formations: this.answering.formations,
        note: () => undefined,
      },
      (formed) => this.#onFormed(formed),
    );
  }

  #onFormed(formed: Formed): void {
    if (formed.kind === "stop") return this.#host.end(formed.reason, false);
    if (formed.kind === "create") this.#world.onCreate(this.#host.number);
    const { identity, first } =
      formed.kind === "create" ? createCluster(this.self, "") : joinCluster(this.self, formed, "");
    const image = new LogImage(first.base.chain);
    image.identity = identity;
    image.apply([{ ticket: 0, hard: first.hard, append: first.entries }], 0);
    this.#host.folder = { ...EMPTY, image, record: identity.clusterId };
    this.#open(identity);
  }

  #open(identity: Identity): void {
    const { scheduler, network } = this.#world;
    const { image } = this.#host.folder;
    this.identity = identity;
    this.#world.onIdentity();
    const noHooks = { onPersist: () => undefined, beforeSync: () => false, afterSync: () => false };
    const noSnapshots = {
      onComplete: () => undefined,
      beforeComplete: () => false,
      afterReceive: () => false,
      beforeLoad: () => false,
    };
    const transport = new SimulatedTransport({
      network,
      gate: this,
      host: this.#host.number,
      key: this.key,
      boot: this.boot,
      commandVersion: 1,
      startSeq: image.seq,
      durable: image,
      onSend: () => undefined,
      onSent: () => undefined,
    });
    this.transport = transport;
    const log = new LogDisk(scheduler, DISK, { random: this.#random.fork(), image, tailBytesMax: Infinity });
    const store = log.open(this, noHooks);
    openRaftNode(
      {
        self: this.key,
        boot: this.boot,
        identity,
        stored: store.initial,
        clock: this.clock,
        log: store,
        snapshots: new SnapshotDisk(scheduler, this.#random.fork(), 1).open(this, noSnapshots),
        transport,
        machine: this.machine,
        timing: TIMING,
        raftLimits: RAFT_LIMITS,
        limits: DEFAULT_NODE_LIMITS,
        snapshotPolicy: {
          intervalMs: 1e9,
          thresholdEntries: 1e9,
          thresholdBytes: 1e12,
          trailingEntries: 1e9,
          trailingBytes: 1e12,
          trimStepEntries: 512,
        },
        commandVersion: 1,
        random: () => this.#random.float(),
        note: () => undefined,
      },
      (opened) => {
        if (!opened.ok) throw new Error(`n${this.#host.number} does not start: ${opened.error.message}`);
        this.#serve(opened.value, identity);
      },
    );
  }

  #serve(node: RaftNode, identity: Identity): void {
    this.node = node;
    node.observe({
      onObservation: ({ kind }) => {
        if (kind !== "membership") return;
        const addresses = [...node.status().core.membership.members.values()].map(({ address }) => address);
        this.#host.folder = { ...this.#host.folder, knownPeers: addresses };
      },
    });
    watchOtherClusters({
      clock: this.clock,
      calls: createCalls(this.#world, this),
      identity,
      node,
      self: this.self,
      joinAddresses: this.#host.orders.joinAddresses,
      onForeign: (reason) => this.#host.end(reason, true),
    });
    node.start();
  }

  die(): void {
    this.isAlive = false;
    this.transport?.hangUp(true);
  }
}

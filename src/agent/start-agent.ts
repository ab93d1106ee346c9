import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { COMMIT, err, memberKey, ok, VERSION, type Clock, type Result } from "../base/index.ts";
import type { Formed } from "../cluster/index.ts";
import type { Config } from "../config/index.ts";
import { COMMAND_VERSION, createKonsulFsm } from "../fsm/index.ts";
import {
  answerForwarded,
  Cors,
  guard,
  RateLimit,
  createApp,
  createStartingApp,
  startHttpServer,
  type HttpServer,
} from "../http/index.ts";
import { createFormationMemory, openFormationFile } from "./formation-file.ts";
import {
  DEFAULT_NODE_LIMITS,
  openRaftNode,
  type Identity,
  type LogStore,
  type Member,
  type RaftNode,
  type RaftNodeOptions,
  type StoredState,
} from "../node/index.ts";
import { Replica, type ReplicaLimits } from "../replica/index.ts";
import { observeProcess, type Logger, type Metrics } from "../telemetry/index.ts";
import { createNoTransport } from "../transport/index.ts";
import { httpTls, openTlsFiles, type CertificateFiles } from "./certificates.ts";
import { startKeepers } from "./keepers.ts";
import { createCluster, joinCluster, mintBootId, mintIncarnation } from "./identity.ts";
import { Peers } from "./peers.ts";
import { observeRaft } from "./raft-metrics.ts";
import { randomHex } from "./random-hex.ts";
import { openStores } from "./stores.ts";

export interface StartOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isDev: boolean;
}

/** A running node. */
export interface Agent {
  readonly port: number;
  /** Ends the requests under way, hands over, closes the stores; by `deadline` at the latest. */
  stop(deadline: number): Promise<void>;
  /** The node cannot go on, and the process should end. */
  onHalt(listener: (reason: string) => void): void;
  /** Certificates are read again. */
  reload(): void;
  /** Somebody asked over HTTP that this node stops. */
  onStopRequest(listener: () => void): void;
}

/**
 * Builds everything in order: stores, identity, state machine, node, HTTP. The error is a sentence for the operator.
 * Stopping goes the other way round.
 */
export async function startAgent(options: StartOptions): Promise<Result<Agent, string>> {
  const { host, port } = options.config;
  const files = openTlsFiles(options);
  if (!files.ok) return files;
  let server: HttpServer;
  try {
    // From the first moment on: a node that waits for a cluster is alive, and says what it waits for.
    const isClientNeeded = options.config.rateLimit > 0;
    server = startHttpServer(createStartingApp(), {
      host,
      port,
      isClientNeeded,
      ...httpTls(options, files.value.http),
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return err(`Cannot listen on ${host}:${port}: ${why}. Stop what uses it, or set another port`);
  }
  files.value.http?.onChange(() => server.renewCertificates());
  const agent = await startNode(options, server, files.value);
  if (!agent.ok) {
    await server.stop(true);
    return agent;
  }
  return ok({
    ...agent.value,
    reload: () => {
      files.value.http?.reload();
      files.value.peer?.reload();
    },
  });
}

type NodeAgent = Omit<Agent, "reload">;

async function startNode(
  options: StartOptions,
  server: HttpServer,
  { metrics, peer }: CertificateFiles,
): Promise<Result<NodeAgent, string>> {
  const { config, clock, logger, isDev } = options;
  const boot = mintBootId();
  let distrust: ((reason: string) => void) | undefined;
  const onUntrusted = ({ message }: { readonly message: string }): void => {
    logger.error("The disk broke a promise", { reason: message });
    distrust?.(message);
  };
  const stores = await openStores({ config, boot, isDev, onUntrusted });
  if (!stores.ok) return stores;
  for (const note of stores.value.notes) logger.warn(note);
  const self = ownMember(config, stores.value.log.initial.identity);
  const formations = isDev ? createFormationMemory() : openFormationFile(config.dataDir);
  const peers = config.raft.isEnabled
    ? Peers.open({ config, clock, logger, metrics, boot, self, log: stores.value.log, formations, tls: peer })
    : ok(undefined);
  if (!peers.ok) return peers;
  const log = peers.value?.log ?? stores.value.log;
  if (stores.value.isFormerMember && log.initial.identity === undefined) return err(formerMember(config.dataDir));
  const identified = await identify(config, { log, self, peers: peers.value });
  if (!identified.ok) return identified;
  const { identity, stored } = identified.value;
  peers.value?.identify(identity);
  formations.write(undefined);
  const fsm = createKonsulFsm({ watchWindow: config.limits.watchWindow });
  const opened = await openNode({
    ...raftSettings(config),
    self: memberKey(identity.nodeId, identity.incarnation),
    boot,
    identity,
    stored,
    clock,
    log,
    snapshots: stores.value.snapshots,
    transport: peers.value?.transport ?? createNoTransport(),
    machine: fsm,
    commandVersion: COMMAND_VERSION,
    random: Math.random,
    note: (message) => logger.warn(message),
  });
  if (!opened.ok) return err(`Cannot start with the data in ${config.dataDir}: ${opened.error}`);
  const node = opened.value;
  distrust = (reason) => node.distrust(reason);
  peers.value?.attach(node);
  const replica = new Replica({ node, fsm, clock, limits: replicaLimits(config) });
  return serve({ options, node, replica, identity, metrics, server, peers: peers.value });
}

function formerMember(dataDir: string): string {
  return (
    `The data folder ${dataDir} belonged to a cluster, but its log is gone: this node never starts another cluster by ` +
    "itself. Put the log back, restore a backup, or use a new folder to begin anew"
  );
}

interface Serving {
  readonly options: StartOptions;
  readonly node: RaftNode;
  readonly replica: Replica;
  readonly identity: Identity;
  readonly metrics: Metrics;
  readonly server: HttpServer;
  readonly peers: Peers | undefined;
}

function serve({ options, node, replica, identity, metrics, server, peers }: Serving): Result<NodeAgent, string> {
  const { config, clock, logger } = options;
  metrics.set("konsul_build_info", 1, { version: VERSION, commit: COMMIT });
  const process = observeProcess(metrics, clock);
  observeRaft(metrics, node, replica);
  let onHalt: ((reason: string) => void) | undefined;
  let onStopRequest: (() => void) | undefined;
  logConditions(node, logger, (reason) => onHalt?.(reason));
  const keepers = startKeepers(options, node, replica, metrics);
  const { clusterId, epoch } = identity;
  const deps = {
    replica,
    registry: keepers.registry,
    sessions: keepers.sessions,
    autopilot: keepers.autopilot,
    services: { ...config.services, refuseCheck: keepers.refuseCheck },
    access: config.acl,
    aclReset: aclResetFile(config.dataDir),
    ...(peers === undefined ? {} : { askLeader: peers.forward.bind(peers), invite: peers.invite.bind(peers) }),
    stopNode: () => onStopRequest?.(),
    metrics,
    logger,
    clock,
    limits: config.limits,
    health: config.health,
    version: VERSION,
    hasSwagger: config.hasSwagger,
    clusterId,
    epoch,
  };
  // What other nodes hand to this one is answered here or not at all: never handed on once more.
  const app = createApp(deps);
  peers?.serveForwarded(async (request) => answerForwarded((given) => app.fetch(given, ""), request));
  const isForwarding = config.followerWrites === "forward" && peers !== undefined;
  const facing = isForwarding ? createApp({ ...deps, forward: peers.forward.bind(peers) }) : app;
  const isGuarded = config.corsOrigins.length > 0 || config.rateLimit > 0;
  const guards = { cors: new Cors(config.corsOrigins), limit: new RateLimit(config.rateLimit, clock) };
  server.serve(isGuarded ? guard(facing, guards) : facing);
  node.start();
  return ok({
    port: server.port,
    stop: async (deadline) => {
      keepers.stop();
      replica.stop();
      process.stop();
      await Promise.race([server.stop(false), wait(clock, deadline)]);
      await server.stop(true);
      await new Promise<void>((resolve) => node.stop(deadline, resolve));
    },
    onHalt: (listener) => {
      onHalt = listener;
    },
    onStopRequest: (listener) => {
      onStopRequest = listener;
    },
  });
}

function logConditions(node: RaftNode, logger: Logger, onHalt: (reason: string) => void): void {
  node.observe({
    onCondition: (condition) => {
      if (condition.kind === "untrusted")
        logger.error("This node serves nothing any more, because its disk broke a promise", {
          reason: condition.reason,
        });
      if (condition.kind === "halted") onHalt(condition.reason);
    },
    onObservation: (observation) => {
      if (observation.kind === "distrusted") {
        logger.error("This node is no member any more and will not campaign again", { reason: observation.reason });
      }
      if (observation.kind === "role")
        logger.info(`This node is ${observation.role}`, { term: observation.term, reason: observation.reason });
    },
  });
}

/** Who can write into the leader's data folder may ask for a new first token. */
function aclResetFile(dataDir: string): Parameters<typeof createApp>[0]["aclReset"] {
  const file = join(dataDir, "acl-bootstrap-reset");
  return {
    file,
    read: () => {
      const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
      return /^\d{1,15}$/.test(text) ? Number(text) : 0;
    },
    clear: () => rmSync(file, { force: true }),
  };
}

async function wait(clock: Clock, until: number): Promise<void> {
  return new Promise((resolve) => void clock.at(until, resolve));
}

async function openNode(options: RaftNodeOptions): Promise<Result<RaftNode, string>> {
  return new Promise((resolve) => openRaftNode(options, resolve));
}

interface Identifying {
  readonly log: LogStore;
  readonly self: Member;
  readonly peers: Peers | undefined;
}

type Identified = Result<{ readonly identity: Identity; readonly stored: StoredState }, string>;

/** Who this folder is; a folder without identity joins a cluster, or becomes a new one. */
async function identify(config: Config, { log, self, peers }: Identifying): Promise<Identified> {
  const { initial } = log;
  if (initial.identity !== undefined) return ok({ identity: initial.identity, stored: initial });
  const formed: Formed = peers === undefined ? { kind: "create" } : await peers.form();
  if (formed.kind === "stop") return err(formed.reason);
  const { identity, first } = formed.kind === "create" ? createCluster(self) : joinCluster(self, formed);
  return new Promise((resolve) => {
    log.bootstrap(identity, { hard: first.hard, entries: first.entries }, (result) => {
      if (result.ok) resolve(ok({ identity, stored: { ...first, seq: result.value.seq } }));
      else resolve(err(`Cannot write to the data folder ${config.dataDir}: ${result.error.message}`));
    });
  });
}

/** This node as the membership knows it, or will know it. */
function ownMember(config: Config, identity: Identity | undefined): Member {
  const { raft } = config;
  const minted = raft.nodeId === "" ? `node-${randomHex(4)}` : raft.nodeId;
  return {
    id: identity?.nodeId ?? minted,
    incarnation: identity?.incarnation ?? mintIncarnation(),
    name: raft.nodeName,
    address: raft.isEnabled ? raft.advertiseAddress : "",
    httpAddress: httpAddressOf(config),
    zone: raft.zone,
    version: VERSION,
    commandVersion: COMMAND_VERSION,
    nonVoter: raft.isNonVoter,
    admitted: 0,
    publicKey: "",
  };
}

/** Where clients are sent; with the scheme where it is not the usual one. */
function httpAddressOf({ httpAdvertiseAddress, host, port, tls }: Config): string {
  const address = httpAdvertiseAddress === "" ? `${host}:${port}` : httpAdvertiseAddress;
  return tls.isEnabled && !address.includes("://") ? `https://${address}` : address;
}

function replicaLimits({ limits }: Config): ReplicaLimits {
  return {
    requestTimeoutMs: limits.requestTimeoutMs,
    waitMsMax: limits.waitMsMax,
    watchersMax: limits.watchersMax,
    stateBytesMax: limits.stateBytesMax,
  };
}

const MIB = 1024 * 1024;

function raftSettings(config: Config): Pick<RaftNodeOptions, "timing" | "raftLimits" | "limits" | "snapshotPolicy"> {
  const { raft, limits } = config;
  const { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs } = raft;
  return {
    timing: { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs },
    raftLimits: {
      inflightCountMax: 256,
      inflightBytesMax: 16 * MIB,
      messageBytesMax: MIB,
      unappliedBytesMax: limits.inflightBytesMax,
      cacheBytesMax: 64 * MIB,
    },
    limits: { ...DEFAULT_NODE_LIMITS, waitingBytesMax: limits.inflightBytesMax },
    snapshotPolicy: {
      intervalMs: raft.snapshotIntervalMs,
      thresholdEntries: raft.snapshotThreshold,
      trailingEntries: raft.trailingLogs,
    },
  };
}

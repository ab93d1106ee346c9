import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  CLUSTER_VERSION_MAX,
  COMMIT,
  err,
  memberKey,
  ok,
  parseMemberKey,
  VERSION,
  type Clock,
  type Result,
} from "../base/index.ts";
import { keepOwnRecord, type Formed } from "../cluster/index.ts";
import { redact, type Config } from "../config/index.ts";
import { createKonsulFsm } from "../fsm/index.ts";
import { answerForwarded, Cors, createApp, guard, RateLimit, type HttpServer, type Waiting } from "../http/index.ts";
import {
  openRaftNode,
  type Identity,
  type LogStore,
  type Member,
  type NodeRefusal,
  type RaftNode,
  type RaftNodeOptions,
  type StoredState,
} from "../node/index.ts";
import { Replica } from "../replica/index.ts";
import { observeProcess, type Logger, type Tracing } from "../telemetry/index.ts";
import { createNoTransport, mintPeerKey, NO_PEER_KEY, peerKeyOf, type PeerKey } from "../transport/index.ts";
import type { CertificateFiles } from "./certificates.ts";
import { createFormationMemory, openFormationFile } from "./formation-file.ts";
import { createCluster, joinCluster, mintBootId } from "./identity.ts";
import { startKeepers } from "./keepers.ts";
import { keepKnownPeers } from "./known-peers.ts";
import {
  distrusted,
  findLost,
  takeOutOfUse,
  untilDiskWorks,
  untilResyncIsDue,
  type LostMembership,
} from "./lost-membership.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { ownMember, raftSettings, replicaLimits } from "./node-settings.ts";
import { Peers } from "./peers.ts";
import { observeRaft } from "./raft-metrics.ts";
import { openStores, type Stores } from "./stores.ts";
import { startTracing } from "./start-tracing.ts";

/** How long the stop waits for the collector of traces. */
const TRACING_STOP_MS = 1000;

export interface StartOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isDev: boolean;
  /** The last lines of the log. */
  readonly recentLines: () => readonly string[];
}

/** A node that runs, and the application on it. */
export interface NodeAgent {
  /** Answers those who wait for a change, and begins nothing more by itself. */
  release(): void;
  /** Hands over and closes the stores, by `deadline` at the latest. The HTTP port stays open. */
  stop(deadline: number): Promise<void>;
  /** The node cannot go on, and the process should end. */
  onHalt(listener: (reason: string) => void): void;
  /** The disk broke a promise: the node serves nothing any more. */
  onUntrusted(listener: (reason: string) => void): void;
  /** Somebody asked over HTTP that this node stops. */
  onStopRequest(listener: () => void): void;
}

export interface NodeStart extends StartOptions {
  readonly server: HttpServer;
  readonly files: CertificateFiles;
  /** What this process knows against its own folder; opening it again would prove nothing. */
  readonly distrust: string | undefined;
  /** The node serves nothing for a while. */
  readonly onWaiting: (waiting: Waiting) => void;
}

/**
 * Builds everything in order: stores, identity, state machine, node, application. A folder that cannot be trusted is
 * taken out of use as soon as the other members let a new incarnation of this node in, and not before.
 */
export async function startNode(options: NodeStart): Promise<Result<NodeAgent, string>> {
  const { config, clock, logger, isDev } = options;
  const { metrics, peer } = options.files;
  const boot = mintBootId();
  let distrust: ((reason: string) => void) | undefined;
  const onUntrusted = ({ message }: { readonly message: string }): void => {
    logger.error("The disk broke a promise", { reason: message });
    distrust?.(message);
  };
  const open = async (): ReturnType<typeof openStores> => openStores({ config, boot, isDev, onUntrusted });
  const found = options.distrust === undefined ? await open() : err(distrusted(config.dataDir, options.distrust));
  const lost = findLost(config, found);
  if (!lost.ok) return lost;
  const known = found.ok ? found.value.log.initial.identity : undefined;
  const peerKey = peerKeyFor(known);
  // Port 0 means that the system chooses: the others are told what it chose.
  const reached = { ...config, port: options.server.port };
  const self = { ...ownMember(reached, known ?? lost.value), publicKey: peerKey.publicKey };
  const promised = isDev ? ok(createFormationMemory()) : openFormationFile(config.dataDir, known !== undefined);
  if (!promised.ok) return promised;
  const formations = promised.value;
  const formerCluster = lost.value?.clusterId ?? "";
  const peers = config.raft.isEnabled
    ? Peers.open({ config, clock, logger, metrics, boot, self, peerKey, formerCluster, formations, tls: peer })
    : ok(undefined);
  if (!peers.ok) return peers;
  const returned = lost.value === undefined ? undefined : await comeBack(options, lost.value, peers.value);
  const stores = found.ok ? found : await open();
  if (!stores.ok) return err(stores.error.message);
  for (const note of stores.value.notes) logger.warn(note);
  const { log } = stores.value;
  const identified = await identify(config, { log, self, peerKey, form: async () => returned ?? form(peers.value) });
  if (!identified.ok) return identified;
  const { identity, stored } = identified.value;
  peers.value?.identify(identity, log);
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
    commandVersion: CLUSTER_VERSION_MAX,
    random: Math.random,
    note: (message) => logger.warn(message),
  });
  if (!opened.ok) {
    await close(stores.value, peers.value);
    if (opened.error.kind === "damaged") return startNode({ ...options, distrust: opened.error.message });
    return err(`Cannot start with the data in ${config.dataDir}: ${opened.error.message}`);
  }
  const node = opened.value;
  const memberCount = node.status().core.membership.members.size;
  if (peers.value === undefined && memberCount > 1) return err(peersNotEnabled(config, memberCount));
  distrust = (reason) => node.distrust(reason);
  peers.value?.attach(node);
  const forgetRecord = keepOwnRecord({ node, clock, self, calls: peers.value?.transport });
  const { nodeId } = identity;
  const traced = await startTracing({ config, clock, logger, node, nodeId, peers: peers.value });
  const replica = new Replica({ node, fsm, clock, limits: replicaLimits(config), ...traced });
  return ok(serve({ options, node, replica, identity, peers: peers.value, forgetRecord, ...traced }));
}

/** A new incarnation gets a new key; one that was admitted without a key never gets one. */
function peerKeyFor(known: Identity | undefined): PeerKey {
  if (known === undefined) return mintPeerKey();
  return known.peerSecret === undefined ? NO_PEER_KEY : peerKeyOf(known.peerSecret);
}

/** Waits, for as long as it takes, until the other members let this node in as an empty learner. */
async function comeBack(options: NodeStart, lost: LostMembership, peers: Peers | undefined): Promise<Formed> {
  const { config, clock, logger, onWaiting } = options;
  const reason = `this node's data cannot be used (${lost.reason}): it waits for the other members to send theirs`;
  onWaiting({ code: "untrusted_node", reason });
  logger.error("The data of this node cannot be used: it starts anew from the other members", {
    reason: lost.reason,
    cluster_id: lost.clusterId,
    asks: lost.addresses.join(", "),
  });
  if (lost.hasFolder) await untilResyncIsDue(config, clock, logger);
  await untilDiskWorks(config, clock, logger);
  const formed = await form(peers, lost.addresses);
  if (formed.kind === "joined" && lost.hasFolder) takeOutOfUse(config, clock, logger);
  return formed;
}

function peersNotEnabled({ dataDir }: Config, memberCount: number): string {
  return (
    `The data in ${dataDir} is that of a member of a cluster of ${memberCount}, but this node is told nothing of peers, so it ` +
    "could neither follow nor lead: set raft.enabled (--raft), or join addresses"
  );
}

async function form(peers: Peers | undefined, addresses: readonly string[] = []): Promise<Formed> {
  return peers === undefined ? { kind: "create" } : peers.form(addresses);
}

interface Serving {
  readonly options: NodeStart;
  readonly node: RaftNode;
  readonly replica: Replica;
  readonly identity: Identity;
  readonly peers: Peers | undefined;
  readonly forgetRecord: () => void;
  readonly tracing?: Tracing;
}

function serve({ options, node, replica, identity, peers, forgetRecord, tracing }: Serving): NodeAgent {
  const { config, clock, logger, server, files, isDev } = options;
  const { metrics } = files;
  metrics.set("konsul_build_info", 1, { version: VERSION, commit: COMMIT });
  const startedAtMs = clock.wall() - performance.now();
  const process = observeProcess(metrics, clock, startedAtMs);
  const forgetRaft = observeRaft(metrics, { node, replica, contactMsMax: config.health.lastContactMsMax });
  let onHalt: ((reason: string) => void) | undefined;
  let onUntrusted: ((reason: string) => void) | undefined;
  let onStopRequest: (() => void) | undefined;
  logConditions(node, logger, {
    halted: (reason) => onHalt?.(reason),
    untrusted: (reason) => onUntrusted?.(reason),
  });
  if (!isDev) keepKnownPeers(config.dataDir, node);
  const endWatch = peers?.watchOtherClusters(node, identity, (reason) => onHalt?.(reason));
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
    ...(peers === undefined ? {} : { invite: peers.invite.bind(peers) }),
    stopNode: () => onStopRequest?.(),
    metrics,
    logger,
    ...(tracing === undefined ? {} : { tracing }),
    clock,
    limits: config.limits,
    health: config.health,
    debug: { settings: redact(config), recentLines: options.recentLines, collect: collectGarbage },
    version: VERSION,
    startedAtMs,
    hasSwagger: config.hasSwagger,
    clusterId,
    epoch,
  };
  // What other nodes hand to this one is answered here or not at all: never handed on once more.
  const app = createApp(deps);
  peers?.forwarding.serve(async (request) => answerForwarded((given) => app.fetch(given, ""), request));
  const facing = peers === undefined ? app : createApp({ ...deps, ...askingLeader(config, peers) });
  server.serve(guarded(facing, options));
  node.start();
  return {
    release: () => {
      endWatch?.();
      keepers.stop();
      forgetRecord();
      replica.stop();
      process.stop();
      forgetRaft();
    },
    stop: async (deadline) => {
      await new Promise<void>((resolve) => node.stop(deadline, resolve));
      await tracing?.stop(TRACING_STOP_MS);
    },
    onHalt: (listener) => {
      onHalt = listener;
    },
    onUntrusted: (listener) => {
      onUntrusted = listener;
    },
    onStopRequest: (listener) => {
      onStopRequest = listener;
    },
  };
}

function guarded(
  facing: ReturnType<typeof createApp>,
  { config, clock }: NodeStart,
): Parameters<HttpServer["serve"]>[0] {
  if (config.corsOrigins.length === 0 && config.rateLimit === 0) return facing;
  return guard(facing, { cors: new Cors(config.corsOrigins), limit: new RateLimit(config.rateLimit, clock) });
}

interface ConditionListeners {
  readonly halted: (reason: string) => void;
  readonly untrusted: (reason: string) => void;
}

function logConditions(node: RaftNode, logger: Logger, listeners: ConditionListeners): void {
  node.observe({
    onCondition: (condition) => {
      if (condition.kind === "untrusted") {
        const { reason } = condition;
        logger.error("This node serves nothing any more, because its disk broke a promise", { reason });
        listeners.untrusted(reason);
      }
      if (condition.kind === "halted") listeners.halted(condition.reason);
    },
    onObservation: (observation) => {
      if (observation.kind === "distrusted" && observation.reason === "rolled-back") {
        node.distrust("the other members have seen a later state of this data folder: it was put back to an older one");
      } else if (observation.kind === "distrusted") {
        logger.error("This node is no member any more and will not campaign again", {
          reason: observation.reason,
          advice: "stop it; to have it join once more, start it with an empty data folder",
        });
      }
      if (observation.kind === "duplicate") logDuplicate(observation, logger);
      if (observation.kind === "role")
        logger.info(`This node is ${observation.role}`, { term: observation.term, reason: observation.reason });
    },
  });
}

function logDuplicate({ key, isPresent }: { readonly key: string; readonly isPresent: boolean }, logger: Logger): void {
  const member = parseMemberKey(key).id;
  const advice = "its data folder was copied: stop one of them, and start it with an empty folder and an id of its own";
  if (isPresent) logger.error("Two live processes claim to be one member: neither counts", { member, advice });
  else logger.info("Only one process claims to be this member again", { member });
}

/** Set apart from what other nodes hand to this one. */
function askingLeader(
  { followerWrites }: Config,
  peers: Peers,
): Pick<Parameters<typeof createApp>[0], "askLeader" | "forward"> {
  const askLeader = peers.forwarding.forward.bind(peers.forwarding);
  return followerWrites === "forward" ? { askLeader, forward: askLeader } : { askLeader };
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

async function openNode(options: RaftNodeOptions): Promise<Result<RaftNode, NodeRefusal>> {
  return new Promise((resolve) => openRaftNode(options, resolve));
}

/** Ends what was opened for a node that did not start. */
async function close({ log, snapshots }: Stores, peers: Peers | undefined): Promise<void> {
  await new Promise<void>((resolve) => (peers === undefined ? resolve() : peers.transport.stop(resolve)));
  await new Promise<void>((resolve) => snapshots.close(resolve));
  await new Promise<void>((resolve) => log.close(resolve));
}

interface Identifying {
  readonly log: LogStore;
  readonly self: Member;
  readonly peerKey: PeerKey;
  readonly form: () => Promise<Formed>;
}

type Identified = Result<{ readonly identity: Identity; readonly stored: StoredState }, string>;

/** Who this folder is; a folder without identity joins a cluster, or becomes a new one. */
async function identify(config: Config, { log, self, peerKey, form: decide }: Identifying): Promise<Identified> {
  const { initial } = log;
  if (initial.identity !== undefined) return ok({ identity: initial.identity, stored: initial });
  const formed = await decide();
  if (formed.kind === "stop") return err(formed.reason);
  const { secret } = peerKey;
  const { identity, first } =
    formed.kind === "create" ? createCluster(self, secret) : joinCluster(self, formed, secret);
  return new Promise((resolve) => {
    log.bootstrap(identity, { hard: first.hard, entries: first.entries }, (result) => {
      if (result.ok) resolve(ok({ identity, stored: { ...first, seq: result.value.seq } }));
      else resolve(err(`Cannot write to the data folder ${config.dataDir}: ${result.error.message}`));
    });
  });
}

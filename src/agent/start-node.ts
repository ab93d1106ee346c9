import { CLUSTER_VERSION_MAX, err, memberKey, ok, type Result } from "../base/index.ts";
import { keepOwnRecord, type Formed } from "../cluster/index.ts";
import type { Config } from "../config/index.ts";
import { createKonsulFsm } from "../fsm/index.ts";
import { openRaftNode, type NodeRefusal, type RaftNode, type RaftNodeOptions } from "../node/index.ts";
import { Replica } from "../replica/index.ts";
import { createNoTransport } from "../transport/index.ts";
import { createFormationMemory, openFormationFile } from "./formation-file.ts";
import { identify, mintBootId, peerKeyFor } from "./identity.ts";
import {
  distrusted,
  findLost,
  takeOutOfUse,
  untilDiskWorks,
  untilResyncIsDue,
  type LostMembership,
} from "./lost-membership.ts";
import { ownMember, raftSettings, replicaLimits } from "./node-settings.ts";
import { Peers } from "./peers.ts";
import { startApplication, type NodeAgent } from "./start-application.ts";
import type { NodeStart } from "./start-options.ts";
import { startTracing } from "./start-tracing.ts";
import { openStores, type Stores } from "./stores.ts";

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
  return ok(startApplication({ options, node, replica, identity, peers: peers.value, forgetRecord, ...traced }));
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

async function openNode(options: RaftNodeOptions): Promise<Result<RaftNode, NodeRefusal>> {
  return new Promise((resolve) => openRaftNode(options, resolve));
}

/** Ends what was opened for a node that did not start. */
async function close({ log, snapshots }: Stores, peers: Peers | undefined): Promise<void> {
  await new Promise<void>((resolve) => (peers === undefined ? resolve() : peers.transport.stop(resolve)));
  await new Promise<void>((resolve) => snapshots.close(resolve));
  await new Promise<void>((resolve) => log.close(resolve));
}

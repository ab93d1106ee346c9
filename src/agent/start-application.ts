import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { COMMIT, VERSION } from "../base/index.ts";
import { redact, type Config } from "../config/index.ts";
import { answerForwarded, Cors, createApp, guard, RateLimit, RequestMetrics, type HttpServer } from "../http/index.ts";
import type { Identity, RaftNode } from "../node/index.ts";
import type { Replica } from "../replica/index.ts";
import { observeProcess, type Tracing } from "../telemetry/index.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { startKeepers } from "./keepers.ts";
import { keepKnownPeers } from "./known-peers.ts";
import { logConditions } from "./log-conditions.ts";
import type { Peers } from "./peers.ts";
import { observeRaft } from "./raft-metrics.ts";
import type { NodeStart } from "./start-options.ts";

type App = ReturnType<typeof createApp>;
type AppDeps = Parameters<typeof createApp>[0];

/** How long the stop waits for the collector of traces. */
const TRACING_STOP_MS = 1000;

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

export interface ApplicationParts {
  readonly options: NodeStart;
  readonly node: RaftNode;
  readonly replica: Replica;
  readonly identity: Identity;
  readonly peers: Peers | undefined;
  readonly forgetRecord: () => void;
  readonly tracing?: Tracing;
}

/** The HTTP API, what only a leader does, and the metrics, on a node that was opened; starts the node. */
export function startApplication(parts: ApplicationParts): NodeAgent {
  const { options, node, replica, identity, peers, forgetRecord, tracing } = parts;
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
    clusterId: identity.clusterId,
    epoch: identity.epoch,
  };
  server.serve(guarded(facingApp(deps, config, peers), options));
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

/** What clients meet. */
function facingApp(deps: AppDeps, config: Config, peers: Peers | undefined): App {
  const requests = new RequestMetrics(deps.metrics);
  const app = createApp(deps, requests);
  if (peers === undefined) return app;
  // What other nodes hand to this one is answered here or not at all: never handed on once more.
  peers.forwarding.serve(async (request) => answerForwarded((given) => app.fetch(given, ""), request));
  return createApp({ ...deps, ...askingLeader(config, peers) }, requests);
}

function guarded(facing: App, { config, clock }: NodeStart): Parameters<HttpServer["serve"]>[0] {
  if (config.corsOrigins.length === 0 && config.rateLimit === 0) return facing;
  return guard(facing, { cors: new Cors(config.corsOrigins), limit: new RateLimit(config.rateLimit, clock) });
}

/** Set apart from what other nodes hand to this one. */
function askingLeader({ followerWrites }: Config, peers: Peers): Pick<AppDeps, "askLeader" | "forward"> {
  const askLeader = peers.forwarding.forward.bind(peers.forwarding);
  return followerWrites === "forward" ? { askLeader, forward: askLeader } : { askLeader };
}

/** Who can write into the leader's data folder may ask for a new first token. */
function aclResetFile(dataDir: string): AppDeps["aclReset"] {
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

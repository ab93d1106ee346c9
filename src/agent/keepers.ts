import type { Clock } from "../base/index.ts";
import { AllowedNetworks, CheckRunner, createProbe, refuseTarget } from "../check/index.ts";
import { Autopilot, type AutopilotSettings } from "../cluster/index.ts";
import { mergeAutopilot } from "../http/index.ts";
import type { RaftNode } from "../node/index.ts";
import { Registry, SessionKeeper, type Replica } from "../replica/index.ts";
import type { Logger, Metrics } from "../telemetry/index.ts";
import { parseNetwork, type Config } from "../config/index.ts";

export interface KeeperOptions {
  readonly clock: Clock;
  readonly config: Config;
  readonly logger: Logger;
}

/** What a node does while it leads, and remembers in memory only. */
export interface Keepers {
  readonly registry: Registry;
  readonly sessions: SessionKeeper;
  readonly autopilot: Pick<Autopilot, "health" | "view"> & { readonly settings: () => AutopilotSettings };
  /** Why a check would not be run; undefined: it would. */
  readonly refuseCheck: (kind: "http" | "tcp", target: string) => string | undefined;
  stop(): void;
}

export function startKeepers(options: KeeperOptions, node: RaftNode, replica: Replica, metrics: Metrics): Keepers {
  const { config } = options;
  const registry = keepRegistry(options, replica, metrics);
  const sessions = keepSessions(options, replica);
  const { autopilot, settings } = keepAutopilot(options, node, replica);
  const networks = new AllowedNetworks(config.checks.allow.flatMap((text) => parseNetwork(text) ?? []));
  const checks = networks.isAny ? keepChecks(options, { node, replica, metrics, networks }) : undefined;
  return {
    registry,
    sessions,
    refuseCheck: (kind, target) => refuseTarget(networks, kind, target),
    autopilot: { health: autopilot.health.bind(autopilot), view: autopilot.view.bind(autopilot), settings },
    stop: () => {
      registry.stop();
      sessions.stop();
      checks?.stop();
      autopilot.stop();
    },
  };
}

function keepRegistry({ clock }: KeeperOptions, replica: Replica, metrics: Metrics): Registry {
  return new Registry({
    fsm: replica.fsm,
    clock,
    leadingTerm: replica.leadingTerm.bind(replica),
    confirm: async () => replica.prepareRead({ isConsistent: true }),
    write: replica.write.bind(replica),
    onHeartbeat: () => metrics.increase("konsul_service_heartbeats_total"),
    onExpired: (count) => metrics.increase("konsul_expired_services_total", {}, count),
  });
}

interface CheckParts {
  readonly node: RaftNode;
  readonly replica: Replica;
  readonly metrics: Metrics;
  readonly networks: AllowedNetworks;
}

function keepChecks({ clock }: KeeperOptions, { node, replica, metrics, networks }: CheckParts): CheckRunner {
  return new CheckRunner({
    fsm: replica.fsm,
    clock,
    isLeading: () => node.status().core.role === "leader",
    write: replica.write.bind(replica),
    probe: createProbe(networks),
    random: Math.random,
    onRun: (status) => metrics.increase("konsul_checks_run_total", { status }),
  });
}

function keepAutopilot(
  { clock, config, logger }: KeeperOptions,
  node: RaftNode,
  replica: Replica,
): { readonly autopilot: Autopilot; readonly settings: () => AutopilotSettings } {
  // Parsed only when it changed: it is asked for every few seconds.
  let text = "";
  let current: AutopilotSettings = config.autopilot;
  const settings = (): AutopilotSettings => {
    const stored = replica.fsm.settings("autopilot") ?? "";
    if (stored !== text) {
      text = stored;
      const parsed: unknown = stored === "" ? {} : JSON.parse(stored);
      const fields = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
      current = mergeAutopilot(config.autopilot, Object.fromEntries(fields));
    }
    return current;
  };
  const autopilot = new Autopilot({
    clock,
    status: node.status.bind(node),
    settings,
    clusterAgeMs: () => replica.fsm.appliedTime,
    change: replica.change.bind(replica),
    transfer: replica.transfer.bind(replica),
    hold: node.holdPromotions.bind(node),
    note: (message, fields) => logger.warn(message, fields),
  });
  node.observe({ onPersist: ({ durationMs }) => autopilot.condition.onWrite(clock.now(), durationMs) });
  return { autopilot, settings };
}

function keepSessions({ clock }: KeeperOptions, replica: Replica): SessionKeeper {
  return new SessionKeeper({
    fsm: replica.fsm,
    clock,
    leadingTerm: replica.leadingTerm.bind(replica),
    confirm: async () => replica.prepareRead({ isConsistent: true }),
    write: replica.write.bind(replica),
  });
}

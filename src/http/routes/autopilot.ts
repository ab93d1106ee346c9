import { AUTOPILOT_BODY } from "../bodies.ts";
import { readFields } from "../body.ts";
import type { HttpDeps } from "../deps.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import { ApiError, badRequest } from "../errors.ts";
import { writeFailure } from "../failures.ts";
import { refuseParameters } from "../query.ts";
import { leaderView } from "../leader-view.ts";
import type { Responder } from "../respond.ts";
import type { RequestUrl } from "../request-url.ts";

export interface AutopilotCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
}

type Settings = ReturnType<HttpDeps["autopilot"]["settings"]>;

/** As the leader sees it, who alone hears all the others. */
export async function clusterHealth(deps: HttpDeps, call: AutopilotCall): Promise<Response> {
  const { respond } = call;
  const seen = await leaderView(deps, call);
  if (seen !== undefined) return respond.json(seen);
  const { core } = deps.replica.status();
  const health = deps.autopilot.health();
  const isLeading = core.role === "leader";
  const state = health.leader === "" ? "unavailable" : health.isHealthy ? "healthy" : "degraded";
  return respond.json({
    state: isLeading || health.leader === "" ? state : "degraded",
    failure_tolerance: isLeading ? health.failureTolerance : null,
    servers: isLeading ? serversOf(health) : [],
    ...(isLeading ? {} : { partial: true }),
  });
}

/** What autopilot makes of the servers, and what it waits for. */
export async function autopilotState(deps: HttpDeps, call: AutopilotCall): Promise<Response> {
  const { respond } = call;
  const seen = await leaderView(deps, call);
  if (seen !== undefined) return respond.json(seen);
  const { health, servers, waiting, lastAction } = deps.autopilot.view();
  const isLeading = deps.replica.status().core.role === "leader";
  const placed = new Map(servers.map(({ id, zone, version }) => [id, { zone: zone === "" ? null : zone, version }]));
  const reasons = new Map(waiting.map(({ id, reason }) => [id, reason]));
  return respond.json({
    healthy: isLeading ? health.isHealthy : null,
    failure_tolerance: isLeading ? health.failureTolerance : null,
    leader: health.leader === "" ? null : health.leader,
    voters: health.voters,
    servers: isLeading
      ? serversOf(health).map((server) => ({
          ...server,
          ...placed.get(String(server["id"])),
          waits_for: reasons.get(String(server["id"])) ?? null,
        }))
      : [],
    last_action: lastAction === "" ? null : lastAction,
    ...(isLeading ? {} : { partial: true }),
  });
}

export function getAutopilot(deps: HttpDeps, { respond }: AutopilotCall): Response {
  return respond.json(fieldsOf(deps.autopilot.settings()));
}

/** Changes what is named and keeps the rest; from now on the cluster's own settings hold, not the configuration's. */
export async function putAutopilot(deps: HttpDeps, { request, url, respond }: AutopilotCall): Promise<Response> {
  refuseParameters(url);
  const body = await readFields(request, AUTOPILOT_BODY, 8192);
  const text = JSON.stringify(fieldsOf(merge(deps.autopilot.settings(), body)));
  const outcome = await deps.replica.write({ kind: "settings-set", name: "autopilot", text });
  if (outcome.kind !== "done") throw writeFailure(outcome, url.href);
  if (outcome.result.kind !== "settings-changed") throw new ApiError("internal", "The settings were not changed");
  return respond.json({ message: "Stored", modify_index: outcome.result.modifyIndex });
}

/** What `PUT` takes and the log holds, over the settings that hold now. @throws ApiError that names the field */
export function merge(now: Settings, body: Readonly<Record<string, unknown>>): Settings {
  return {
    cleanupDeadServers: flag(body, "cleanup_dead_servers") ?? now.cleanupDeadServers,
    lastContactThresholdMs: duration(body, "last_contact_threshold", 100) ?? now.lastContactThresholdMs,
    trailingLogsMax: integer(body, "max_trailing_logs") ?? now.trailingLogsMax,
    minQuorum: integer(body, "min_quorum") ?? now.minQuorum,
    deadServerAfterMs: duration(body, "dead_server_after", 1000) ?? now.deadServerAfterMs,
    stabilizationMs: duration(body, "server_stabilization_time", 0) ?? now.stabilizationMs,
    hasRedundancyZones: flag(body, "redundancy_zones") ?? now.hasRedundancyZones,
    hasUpgradeMigration: flag(body, "upgrade_migration") ?? now.hasUpgradeMigration,
  };
}

function fieldsOf(settings: Settings): Readonly<Record<string, unknown>> {
  return {
    cleanup_dead_servers: settings.cleanupDeadServers,
    last_contact_threshold: formatDuration(settings.lastContactThresholdMs),
    max_trailing_logs: settings.trailingLogsMax,
    min_quorum: settings.minQuorum,
    dead_server_after: formatDuration(settings.deadServerAfterMs),
    server_stabilization_time: formatDuration(settings.stabilizationMs),
    redundancy_zones: settings.hasRedundancyZones,
    upgrade_migration: settings.hasUpgradeMigration,
  };
}

export function serversOf({
  servers,
}: ReturnType<HttpDeps["autopilot"]["health"]>): readonly Readonly<Record<string, unknown>>[] {
  return [...servers.values()].map(({ id, state, isHealthy, stableSince, reasons, stats }) => ({
    id,
    state,
    healthy: isHealthy,
    reasons,
    stable_since: new Date(stableSince).toISOString(),
    last_contact_ms: stats.lastContactMs < 0 ? null : Math.round(stats.lastContactMs),
    last_index: stats.lastIndex,
  }));
}

function flag(body: Readonly<Record<string, unknown>>, name: string): boolean | undefined {
  const value = body[name];
  if (value === undefined || typeof value === "boolean") return value;
  throw badRequest(name, `must be true or false: it is ${JSON.stringify(value)}`);
}

function integer(body: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = body[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badRequest(name, `must be a whole number from 0: it is ${JSON.stringify(value)}`);
}

function duration(body: Readonly<Record<string, unknown>>, name: string, min: number): number | undefined {
  const value = body[name];
  if (value === undefined) return undefined;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms !== undefined && ms >= min) return ms;
  throw badRequest(name, `must be a duration of at least ${min} ms, such as 10s: it is ${JSON.stringify(value)}`);
}

import { COMMIT } from "../../base/index.ts";
import { overallStatus } from "../../fsm/index.ts";
import { isUnreachable } from "../contact.ts";
import type { HttpDeps } from "../deps.ts";
import type { Responder } from "../respond.ts";

type Check = { readonly status: "pass" | "warn" | "fail"; readonly message: string };

/** Undefined: ready. Else why this node should not get requests. */
function notReady(deps: HttpDeps): string | undefined {
  const { condition, core, leaderCommit } = deps.replica.status();
  if (condition.kind === "untrusted" || condition.kind === "halted") return condition.reason;
  if (condition.kind !== "running") return "this node is not running";
  if (core.role === "removed")
    return "this node was removed from the cluster: stop it, or start it with an empty data folder to have it join once more";
  if (core.leader === undefined) return "no node leads";
  const { lagEntriesMax, lagMsMax, lastContactMsMax } = deps.health;
  const lag = leaderCommit - core.applied;
  const lagMs = deps.replica.lagMs();
  const { lastContactMs } = deps.replica.stance();
  if (!deps.replica.hasCaughtUp()) return `this node has not caught up since it started: ${lag} entries are missing`;
  if (lag > lagEntriesMax) return `this node is ${lag} entries behind the leader`;
  if (lagMs > lagMsMax) return `this node has been behind for ${Math.round(lagMs)} ms`;
  return lastContactMs > lastContactMsMax
    ? `this node has not heard the leader for ${Math.round(lastContactMs)} ms`
    : undefined;
}

export function live(_: HttpDeps, respond: Responder): Response {
  return respond.json({ status: "live" });
}

export function ready(deps: HttpDeps, respond: Responder): Response {
  const reason = notReady(deps);
  return reason === undefined ? respond.json({ status: "ready" }) : respond.json({ status: "not ready", reason }, 503);
}

export function health(deps: HttpDeps, respond: Responder): Response {
  const node = deps.replica.status();
  const { condition, core, leaderCommit } = node;
  const lag = Math.max(0, leaderCommit - core.applied);
  const away = [...core.membership.members]
    .filter(([key]) => isUnreachable(node, key, deps.health.lastContactMsMax))
    .map(([, { id }]) => id);
  const leaders = deps.replica.recentLeaders();
  const services = deps.replica.fsm.services.list();
  const checks: Readonly<Record<string, Check>> = {
    storage:
      condition.kind === "untrusted" || condition.kind === "halted"
        ? { status: "fail", message: condition.reason }
        : { status: "pass", message: "the disk kept its promises" },
    leader:
      core.leader === undefined
        ? { status: "fail", message: "no node leads" }
        : { status: "pass", message: `${core.leader.split("~")[0] ?? ""} leads` },
    quorum:
      core.leader === undefined
        ? { status: "fail", message: "no quorum of the voters agrees on a leader" }
        : { status: "pass", message: "a quorum agrees" },
    replication_lag:
      lag > deps.health.lagEntriesMax
        ? { status: "fail", message: `${lag} entries behind the leader` }
        : { status: "pass", message: `${lag} entries behind the leader` },
    recent_elections:
      leaders > deps.health.recentElectionsMax
        ? { status: "warn", message: `leaders in five minutes: ${leaders}` }
        : { status: "pass", message: `leaders in five minutes: ${leaders}` },
    peers_reachable:
      away.length === 0
        ? { status: "pass", message: "this node reaches all others" }
        : { status: "warn", message: `this node does not reach ${away.join(", ")}` },
  };
  const all = Object.values(checks);
  const isFailing = all.some(({ status }) => status === "fail");
  const isWarning = all.some(({ status }) => status === "warn");
  return respond.json(
    {
      status: isFailing ? "unhealthy" : isWarning ? "degraded" : "healthy",
      version: deps.version,
      commit: COMMIT,
      // Two processes never have the same: it tells whether a node was started again.
      started_at: new Date(deps.startedAtMs).toISOString(),
      uptime_seconds: Math.floor(process.uptime()),
      checks,
      services: {
        instances: services.length,
        passing: services.filter(({ row }) => overallStatus(row) === "passing").length,
      },
      kv_store: { keys: deps.replica.fsm.keyCount(), state_bytes: deps.replica.fsm.stateBytes() },
      raft: { role: core.role, term: core.term, commit_index: core.commit, applied_index: core.applied },
    },
    isFailing ? 503 : 200,
  );
}

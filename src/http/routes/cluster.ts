import type { Replica } from "../../replica/index.ts";
import { parseMemberKey, type MemberKey } from "../../base/index.ts";
import { failureTolerance } from "../../cluster/index.ts";
import { isUnreachable } from "../contact.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { leaderView } from "../leader-view.ts";
import { Query } from "../query.ts";
import { serversOf } from "./autopilot.ts";
import { notLeading, type MembershipCall } from "./membership.ts";
import type { Responder } from "../respond.ts";

type Status = ReturnType<Replica["status"]>;
type Member = NonNullable<ReturnType<Replica["leader"]>>;

function nameFields(member: Member): Readonly<Record<string, unknown>> {
  const { id, name, address, httpAddress } = member;
  return { id, name, address, http_address: httpAddress };
}

function stateOf(status: Status, key: MemberKey, contactMsMax: number): string {
  const { core, self } = status;
  if (key === core.leader) return "leader";
  if (key === self) return core.role === "pre-candidate" ? "candidate" : core.role;
  if (isUnreachable(status, key, contactMsMax)) return "unreachable";
  return core.membership.voters.includes(key) ? "follower" : "learner";
}

function nodeFields({ replica, health }: HttpDeps): Readonly<Record<string, unknown>>[] {
  const status = replica.status();
  const { core, now, self } = status;
  return [...core.membership.members].map(([key, member]) => {
    const peer = core.peers.find((one) => one.key === key);
    const match = key === self ? core.durableIndex : peer?.match;
    return {
      ...nameFields(member),
      state: stateOf(status, key, health.lastContactMsMax),
      voter: core.membership.voters.includes(key),
      zone: member.zone === "" ? null : member.zone,
      version: member.version,
      last_contact_ms:
        peer === undefined || peer.lastContact === -Infinity ? null : Math.max(0, Math.round(now - peer.lastContact)),
      match_index: match ?? null,
      lag_entries: match === undefined ? null : Math.max(0, core.lastIndex - match),
    };
  });
}

/** The cluster as its leader sees it, and this node's own log. */
export async function clusterStatus(deps: HttpDeps, call: MembershipCall): Promise<Response> {
  const seen = await leaderView(deps, call);
  const own = ownStatus(deps);
  return call.respond.json(seen === undefined ? own : { ...seen, stats: own["stats"] });
}

/** `healthy` is the leader's to say: another node, which could not ask it, has lost a voter out of sight. */
function ownStatus(deps: HttpDeps): Readonly<Record<string, unknown>> {
  const status = deps.replica.status();
  const { core } = status;
  const voters = core.membership.voters.length;
  const quorum = Math.floor(voters / 2) + 1;
  const isLeader = core.role === "leader";
  const isHealthy = (key: MemberKey): boolean => !isUnreachable(status, key, deps.health.lastContactMsMax);
  const healthy = core.membership.voters.filter(isHealthy).length;
  const leader = deps.replica.leader();
  return {
    cluster_id: deps.clusterId,
    state: leader === undefined ? "unavailable" : isLeader && healthy === voters ? "healthy" : "degraded",
    leader: leader === undefined ? null : nameFields(leader),
    nodes: nodeFields(deps),
    quorum,
    voters,
    healthy_voters: isLeader ? healthy : null,
    failure_tolerance: isLeader ? failureTolerance(core, isHealthy) : null,
    autopilot: isLeader ? autopilotOf(deps) : null,
    ...(isLeader ? {} : { partial: true }),
    stats: {
      term: core.term,
      commit_index: core.commit,
      applied_index: core.applied,
      last_log_index: core.lastIndex,
      first_log_index: core.firstIndex,
      last_snapshot_index: core.snapshotIndex,
      log_size_bytes: deps.replica.logSizeBytes(),
    },
  };
}

function autopilotOf(deps: HttpDeps): Readonly<Record<string, unknown>> {
  const health = deps.autopilot.health();
  return { healthy: health.isHealthy, servers: serversOf(health) };
}

export function clusterLeader(deps: HttpDeps, respond: Responder): Response {
  const leader = deps.replica.leader();
  if (leader === undefined) throw new ApiError("no_leader", "No node leads at the moment", { status: 404 });
  return respond.json({ ...nameFields(leader), term: deps.replica.status().core.term });
}

export async function clusterPeers(deps: HttpDeps, call: MembershipCall): Promise<Response> {
  const seen = await leaderView(deps, call);
  if (seen !== undefined) return call.respond.json(seen);
  const peers = nodeFields(deps).map(({ id, name, address, http_address, voter, state, zone, version }) => ({
    id,
    name,
    address,
    http_address,
    voter,
    state,
    zone,
    version,
  }));
  const isPartial = deps.replica.status().core.role !== "leader";
  return call.respond.json({ peers, ...(isPartial ? { partial: true } : {}) });
}

function ids(keys: readonly string[]): string[] {
  return keys.map((key) => parseMemberKey(key).id);
}

export function clusterConfig(deps: HttpDeps, respond: Responder): Response {
  const { core } = deps.replica.status();
  const { voters, outgoing, learners, clusterVersion } = core.membership;
  return respond.json({
    index: core.membershipIndex,
    voters: ids(voters),
    outgoing: ids(outgoing),
    learners: ids(learners),
    cluster_version: clusterVersion,
    epoch: deps.epoch,
  });
}

/** The leader takes it; with `local` this node, whose disk may need it. */
export async function takeSnapshot(deps: HttpDeps, { url, respond }: MembershipCall): Promise<Response> {
  const isLocal = new Query(url, ["local"]).flag("local");
  if (!isLocal && deps.replica.status().core.role !== "leader") throw notLeading(deps, url);
  const outcome = await deps.replica.takeSnapshot();
  if (outcome.kind === "busy") throw new ApiError("conflict", "A snapshot is being taken already");
  if (outcome.kind === "failed") throw new ApiError("internal", `The snapshot failed: ${outcome.reason}`);
  const { meta } = outcome;
  if (meta === undefined) throw new ApiError("conflict", "There is nothing to take a snapshot of yet");
  const duration = outcome.kind === "taken" ? Math.round(outcome.durationMs) : 0;
  return respond.json({
    index: meta.index,
    term: meta.term,
    size_bytes: meta.sizeBytes,
    duration_ms: duration,
    id: meta.id,
  });
}

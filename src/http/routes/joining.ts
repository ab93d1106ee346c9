import { JOIN_BODY } from "../bodies.ts";
import { readFields } from "../body.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError, badRequest } from "../errors.ts";
import { FORWARDED_HEADERS } from "../forward.ts";
import { refuseParameters } from "../query.ts";
import type { Responder } from "../respond.ts";
import { notLeading, refuseIfNeeded } from "./membership.ts";
import type { RequestUrl } from "../request-url.ts";

export interface JoiningCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
}

const ADDRESS = /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]/\s]{1,255}):(\d{1,5})$/;
const PORT_MAX = 65_535;
const RETRY_MS = 100;

export async function join(deps: HttpDeps, { request, url, respond }: JoiningCall): Promise<Response> {
  refuseParameters(url);
  const { address, node_id: id } = await readFields(request, JOIN_BODY, 4096);
  const port = typeof address === "string" ? Number(ADDRESS.exec(address)?.[1]) : NaN;
  if (typeof address !== "string" || !(port > 0 && port <= PORT_MAX)) {
    throw badRequest("address", "must be HOST:PORT of the peer port of the node that is to join");
  }
  if (id !== undefined && typeof id !== "string") throw badRequest("node_id", "must be the id of a node");
  if (deps.replica.status().core.role !== "leader") throw notLeading(deps, url);
  if (deps.invite === undefined) {
    throw new ApiError(
      "conflict",
      "This node runs alone and has no peer port: start it with --raft before others join",
    );
  }
  const outcome = await deps.invite(address, id);
  if (outcome.kind === "wrong-address") throw badRequest("address", `${address} is not the node: ${outcome.reason}`);
  if (outcome.kind === "turned-away") {
    throw new ApiError("conflict", `The node at ${address} was not let in: ${outcome.reason}`, { fields: { address } });
  }
  if (outcome.kind === "not-leading") throw notLeading(deps, url);
  if (outcome.kind === "refused") {
    throw new ApiError("conflict", `${outcome.nodeId} was not let in: ${outcome.reason}`, {
      fields: { node_id: outcome.nodeId },
    });
  }
  return respond.json({ node_id: outcome.nodeId, address, status: outcome.status });
}

/** This node leaves the cluster, then stops. What it leaves behind is a data folder that belongs to nobody. */
export async function leaveAndStop(deps: HttpDeps, { request, url, respond }: JoiningCall): Promise<Response> {
  refuseParameters(url);
  const { core, self } = deps.replica.status();
  const own = core.membership.members.get(self);
  if (own === undefined) throw new ApiError("conflict", "This node is no member any more: stop it with SIGTERM");
  if (core.membership.voters.length === 1 && core.membership.voters[0] === self) {
    throw new ApiError(
      "conflict",
      "This node is the last voter, so there is nothing that it could leave: stop it with SIGTERM",
    );
  }
  if (core.role === "leader") await refuseIfNeeded(deps, self);
  // By now somebody else may lead, who can be asked at once.
  if (deps.replica.status().core.role === "leader") {
    const outcome = await deps.replica.transfer(undefined);
    if (outcome.kind !== "done") throw new ApiError("no_leader", "Leadership could not be handed over: try again");
  }
  const headers = FORWARDED_HEADERS.flatMap((name): [string, string][] => {
    const value = request.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const leaving = {
    method: "DELETE",
    path: `/cluster/leave/${encodeURIComponent(own.id)}`,
    headers,
    body: new Uint8Array(0),
  };
  // Who asks gives up after the whole of it, and would not hear why.
  const deadline = deps.clock.now() + deps.limits.requestTimeoutMs / 2;
  for (let mayHaveHappened = false; ;) {
    const outcome = await deps.askLeader?.(leaving);
    const status = outcome?.kind === "answer" ? outcome.answer.status : undefined;
    if (status === 200 || (status === 404 && mayHaveHappened)) break;
    mayHaveHappened ||= outcome?.kind === "lost" || status === 504;
    if (outcome?.kind === "answer" && status !== undefined && status >= 400 && status < 500) {
      return new Response(Buffer.from(outcome.answer.body), {
        status,
        headers: { "Content-Type": "application/json" },
      });
    }
    if (deps.clock.now() > deadline) {
      throw mayHaveHappened
        ? new ApiError("outcome_unknown", "This node may or may not have left: look at the members on another node")
        : new ApiError(
            "no_leader",
            "No leader could be reached, so this node did not leave. Without a quorum of the voters nobody can: " +
              "konsul cluster status shows who is missing",
          );
    }
    await new Promise<void>((resolve) => void deps.clock.at(deps.clock.now() + RETRY_MS, resolve));
  }
  deps.logger.info("This node left the cluster and stops", { node: own.id, request_id: respond.requestId });
  deps.stopNode();
  return respond.json({ message: "Left the cluster; this node stops", node_id: own.id });
}

import { fromUtf8, type MemberKey } from "../../base/index.ts";
import { CONTACT_MS, type MembershipOutcome, type WriteOutcome } from "../../replica/index.ts";
import { TRANSFER_BODY } from "../bodies.ts";
import { isRecord, parseJson, readBytes } from "../body.ts";
import { isUnreachable } from "../contact.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError, badRequest } from "../errors.ts";
import { writeFailure } from "../failures.ts";
import { percentDecode } from "../key-path.ts";
import type { Responder } from "../respond.ts";
import { refuseUnknown } from "../schema.ts";
import type { RequestUrl } from "../request-url.ts";

export interface MembershipCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
}

const LOOK_AGAIN_MS = 50;
const QUORUM_ADVICE = "Bring back those that do not answer, or let them leave first: konsul cluster status shows them";

type Members = ReturnType<HttpDeps["replica"]["status"]>["core"]["membership"]["members"];
type Found = readonly [key: MemberKey, member: NonNullable<ReturnType<Members["get"]>>];

/** Removes a member. A leader that removes itself hands over first, and the new leader does it. */
export async function leave(deps: HttpDeps, call: MembershipCall): Promise<Response> {
  const [key, member] = find(deps, idBehind(call.url, "/cluster/leave/"));
  const { core, self } = deps.replica.status();
  if (core.role === "leader" && core.membership.voters.length === 1 && core.membership.voters[0] === key) {
    const why = `${member.id} is the last voter, so there is nothing that it could leave: stop it with SIGTERM`;
    throw new ApiError("conflict", why, { fields: { reason: "last-voter", node_id: member.id } });
  }
  if (key === self && core.role === "leader" && core.membership.voters.length > 1) {
    await refuseIfNeeded(deps, key);
    finish(await deps.replica.transfer(undefined), call.url, "Leadership could not be handed over before leaving");
    // Somebody else leads now: the client is sent there, or the request is handed over, as with any write.
  }
  finish(await deps.replica.change([{ kind: "remove", key }]), call.url, `${member.id} did not leave`);
  deps.logger.info("A node was removed from the cluster", { node: member.id, request_id: call.respond.requestId });
  return call.respond.json({ message: "Removed", node_id: member.id });
}

/**
 * A leader that cannot be spared does not hand over first, only to hear so from the next one. One that has just won has not
 * heard everybody yet, so this waits a moment; what no longer leads is nobody to judge. @throws ApiError
 */
export async function refuseIfNeeded({ replica, health, clock }: HttpDeps, key: MemberKey): Promise<void> {
  for (const deadline = clock.now() + CONTACT_MS; ;) {
    const status = replica.status();
    const others = status.core.membership.voters.filter((voter) => voter !== key);
    const answering = others.filter((voter) => !isUnreachable(status, voter, health.lastContactMsMax));
    if (status.core.role !== "leader" || answering.length * 2 > others.length) return;
    if (clock.now() >= deadline) {
      const why = `This node cannot leave: only ${answering.length} of the ${others.length} voters that would be left answer. ${QUORUM_ADVICE}`;
      throw new ApiError("would_lose_quorum", why, { fields: { reason: "would-lose-quorum" } });
    }
    await new Promise<void>((resolve) => void clock.at(clock.now() + LOOK_AGAIN_MS, resolve));
  }
}

/** Makes a learner a voter; it must have caught up. */
export async function promote(deps: HttpDeps, call: MembershipCall): Promise<Response> {
  const [key, member] = find(deps, idBehind(call.url, "/cluster/promote/"));
  const voting = { ...member, nonVoter: false };
  const changes = [
    { kind: "update", member: voting },
    { kind: "promote", key },
  ] as const;
  finish(await deps.replica.change(changes), call.url, `${member.id} was not promoted`);
  deps.logger.info("A node was promoted", { node: member.id, request_id: call.respond.requestId });
  return call.respond.json({ message: "Promoted", node_id: member.id, status: "voter" });
}

/** Makes a voter a learner that stays one until it is promoted again. */
export async function demote(deps: HttpDeps, call: MembershipCall): Promise<Response> {
  const [key, member] = find(deps, idBehind(call.url, "/cluster/demote/"));
  const changes = [
    { kind: "demote", key },
    { kind: "update", member: { ...member, nonVoter: true } },
  ] as const;
  finish(await deps.replica.change(changes), call.url, `${member.id} was not demoted`);
  deps.logger.info("A node was demoted", { node: member.id, request_id: call.respond.requestId });
  return call.respond.json({ message: "Demoted", node_id: member.id, status: "learner" });
}

export async function transfer(deps: HttpDeps, { request, url, respond }: MembershipCall): Promise<Response> {
  const to = await readTarget(request);
  const target = to === undefined ? undefined : find(deps, to)[0];
  const { core, self } = deps.replica.status();
  if (target === self && core.role === "leader") return respond.json({ message: `${to} leads already` });
  finish(await deps.replica.transfer(target), url, "Leadership was not handed over");
  deps.logger.info("Leadership was handed over", { to, request_id: respond.requestId });
  return respond.json({ message: "Leadership was handed over" });
}

/**
 * Who is to lead; undefined: whoever fits best. Whatever type the body has: a name that was not read would let somebody else
 * lead than was asked for. @throws ApiError
 */
async function readTarget(request: Request): Promise<string | undefined> {
  const bytes = await readBytes(request, 4096);
  if (bytes.length === 0) return undefined;
  const body = parseJson(bytes);
  if (!isRecord(body)) throw badRequest("body", 'must be empty, or an object such as {"to": "node-2"}');
  refuseUnknown(body, TRANSFER_BODY);
  const { to } = body;
  if (to !== undefined && typeof to !== "string") throw badRequest("to", "must be the id of a node");
  return to;
}

function idBehind(url: RequestUrl, start: string): string {
  const bytes = percentDecode(url.pathname.slice(start.length));
  try {
    return fromUtf8(bytes);
  } catch {
    throw badRequest("id", "must be percent-encoded UTF-8");
  }
}

/** @throws ApiError not_found */
function find(deps: HttpDeps, id: string): Found {
  const { members } = deps.replica.status().core.membership;
  const found = [...members].find(([, member]) => member.id === id);
  if (found !== undefined) return found;
  const known = [...members.values()].map((member) => member.id).join(", ");
  throw new ApiError("not_found", `There is no node ${id} in the cluster: its members are ${known}`, {
    fields: { node_id: id },
  });
}

/** For what only the leader can judge: others may not know the newest members. */
export function notLeading({ replica }: HttpDeps, url: RequestUrl): ApiError {
  return refused({ kind: "refused", refusal: replica.whereToWrite() }, url);
}

/** What an operator wants to know who asked for it just because something is wrong. */
function refused(outcome: Extract<WriteOutcome, { kind: "refused" }>, url: RequestUrl): ApiError {
  if (outcome.refusal.kind !== "no-leader") return writeFailure(outcome, url.href);
  const why =
    "No node leads at the moment: nothing was done. Try again; if it stays so, a quorum of the voters does not answer, and " +
    "nobody can join, leave or lead until it does: konsul cluster status shows who is missing";
  return new ApiError("no_leader", why, { headers: { "Retry-After": "1" } });
}

/** The one mapping of a membership change or transfer that was not done. @throws ApiError */
export function finish(outcome: MembershipOutcome, url: RequestUrl, what: string): void {
  if (outcome.kind === "done") return;
  if (outcome.kind === "unknown") {
    throw new ApiError("outcome_unknown", `This may or may not have happened: ${outcome.reason}. Look at the members`);
  }
  if (outcome.kind === "refused") throw refused(outcome, url);
  const { code, reason } = outcome;
  const answer =
    code === "would-lose-quorum" ? "would_lose_quorum" : code === "unknown-member" ? "not_found" : "conflict";
  const advice = code === "would-lose-quorum" ? `. ${QUORUM_ADVICE}` : "";
  throw new ApiError(answer, `${what}: ${reason}${advice}`, { fields: { reason: code } });
}

import { fromUtf8, utf8 } from "../../base/index.ts";
import { isSessionResult, type SessionCommand, type SessionEntry, type SessionResult } from "../../fsm/index.ts";
import type { HttpDeps } from "../deps.ts";
import { formatDuration } from "../duration.ts";
import { ApiError } from "../errors.ts";
import { readFailure, writeFailure } from "../failures.ts";
import { Query, refuseParameters } from "../query.ts";
import type { Responder } from "../respond.ts";
import { readSessionTerms } from "../session-body.ts";
import { noSession } from "./locks.ts";
import type { RequestUrl } from "../request-url.ts";

export interface SessionCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
}

/** Sessions say nothing when they change: who waits for a lock watches its key. */
const READ_PARAMETERS = ["consistent", "min_index", "max_stale"] as const;

async function write(deps: HttpDeps, url: RequestUrl, command: SessionCommand): Promise<SessionResult> {
  const outcome = await deps.replica.write(command);
  if (outcome.kind !== "done") throw writeFailure(outcome, url.href);
  if (isSessionResult(outcome.result)) return outcome.result;
  throw new ApiError("internal", `The write gave the unexpected result ${outcome.result.kind}`);
}

export async function createSession(deps: HttpDeps, { request, url, respond }: SessionCall): Promise<Response> {
  refuseParameters(url);
  const terms = await readSessionTerms(request);
  const id = crypto.randomUUID();
  const result = await write(deps, url, { kind: "session-create", id, terms });
  if (result.kind !== "session-created") throw new ApiError("internal", `The session was not made: ${result.kind}`);
  return respond.json(fields(deps, { id, row: { ...terms, createIndex: result.createIndex } }));
}

export async function listSessions(deps: HttpDeps, call: SessionCall): Promise<Response> {
  await prepare(deps, call);
  return call.respond.json({ sessions: deps.replica.fsm.sessions.list().map((entry) => fields(deps, entry)) });
}

export async function getSession(deps: HttpDeps, call: SessionCall): Promise<Response> {
  await prepare(deps, call);
  const id = idBehind(call.url, "");
  const row = deps.replica.fsm.sessions.get(id);
  if (row === undefined) throw noSession(id);
  return call.respond.json(fields(deps, { id, row }));
}

export async function destroySession(deps: HttpDeps, { url, respond }: SessionCall): Promise<Response> {
  refuseParameters(url);
  const id = idBehind(url, "");
  const result = await write(deps, url, { kind: "session-destroy", id });
  if (result.kind !== "session-destroyed") throw noSession(id);
  return respond.json({ message: "Ended", id, locks: result.locks });
}

/** Only the leader knows who renewed when, and it answers only once a quorum confirmed that it leads. */
export async function renewSession(deps: HttpDeps, { url, respond }: SessionCall): Promise<Response> {
  refuseParameters(url);
  const id = idBehind(url, "/renew");
  const outcome = await deps.sessions.renew(id);
  if (outcome.kind === "failed") throw readFailure(outcome.failure);
  if (outcome.kind === "not-found") throw noSession(id);
  if (outcome.kind === "not-leading") {
    throw writeFailure({ kind: "refused", refusal: deps.replica.whereToWrite() }, url.href);
  }
  const row = deps.replica.fsm.sessions.get(id);
  if (row === undefined) throw noSession(id);
  return respond.json(fields(deps, { id, row }));
}

async function prepare(deps: HttpDeps, { url, request }: SessionCall): Promise<void> {
  const query = new Query(url, READ_PARAMETERS);
  const failure = await deps.replica.prepareRead(query.readTerms({ prefix: utf8("") }, request));
  if (failure !== undefined) throw readFailure(failure);
}

function fields({ replica }: HttpDeps, { id, row }: SessionEntry): Readonly<Record<string, unknown>> {
  return {
    id,
    name: row.name,
    ttl: row.ttlMs === 0 ? null : formatDuration(row.ttlMs),
    behavior: row.behavior,
    lock_delay: formatDuration(row.lockDelayMs),
    create_index: row.createIndex,
    keys: replica.fsm.sessions.keysOf(id).map(fromUtf8),
  };
}

/** Ids are made here, so that anything else is an id that does not exist. */
function idBehind({ pathname }: RequestUrl, end: string): string {
  const id = pathname.slice("/sessions/".length, pathname.length - end.length);
  if (/^[\w-]{1,64}$/.test(id)) return id;
  throw new ApiError("not_found", "There is no such session: an id is what POST /sessions gave");
}

import { fromUtf8, utf8 } from "../../base/index.ts";
import {
  isServiceResult,
  overallStatus,
  serviceKey,
  type AclNeed,
  type ServiceCommand,
  type ServiceEntry,
  type ServiceResult,
} from "../../fsm/index.ts";
import type { HttpDeps } from "../deps.ts";
import { formatDuration } from "../duration.ts";
import { ApiError, badRequest } from "../errors.ts";
import { readFailure, writeFailure } from "../failures.ts";
import { onceKeyOf, reusedKey } from "../idempotency.ts";
import { decodeName } from "../key-path.ts";
import { Query, READ_PARAMETERS, refuseParameters } from "../query.ts";
import type { Responder } from "../respond.ts";
import { checkName, readCheckReport, readRegistration } from "../service-body.ts";
import type { RequestUrl } from "../request-url.ts";

export interface ServiceCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
  readonly access: { readonly actor: string };
}

interface RegisterCall extends ServiceCall {
  readonly access: ServiceCall["access"] & {
    readonly demand: (needs: readonly AclNeed[]) => undefined | Promise<undefined>;
  };
}

async function write(deps: HttpDeps, call: ServiceCall, command: ServiceCommand): Promise<ServiceResult> {
  const { url } = call;
  const outcome = await deps.replica.write(command, onceKeyOf(call));
  if (outcome.kind !== "done") throw writeFailure(outcome, url.href);
  const { result } = outcome;
  if (result.kind === "once-mismatch") throw reusedKey();
  if (isServiceResult(result)) return result;
  throw new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
}

export async function register(deps: HttpDeps, call: RegisterCall): Promise<Response> {
  const { request, url, respond, access } = call;
  refuseParameters(url);
  const { name, id, instance, cas } = await readRegistration(request, deps.services);
  await access.demand([{ resource: "service", capability: "register", scope: { exact: name } }]);
  const given = cas === undefined ? {} : { cas };
  const result = await write(deps, call, { kind: "service-register", name, id, instance, ...given });
  if (result.kind === "service-registered") {
    return respond.json({ message: "Registered", name, id, modify_index: result.modifyIndex });
  }
  throw conflictOf(result);
}

export async function deregister(deps: HttpDeps, call: ServiceCall): Promise<Response> {
  const { url, respond } = call;
  const query = new Query(url, ["id"]);
  const name = nameBehind(url, "/deregister/");
  const id = idOf(query);
  const one = id === undefined ? {} : { id };
  const result = await write(deps, call, { kind: "service-deregister", name, ...one });
  if (result.kind !== "service-deregistered") throw conflictOf(result);
  return respond.json({ message: "Deregistered", name, count: result.count, modify_index: result.modifyIndex });
}

export async function heartbeat(deps: HttpDeps, { url, respond }: ServiceCall): Promise<Response> {
  const query = new Query(url, ["id"]);
  const name = nameBehind(url, "/heartbeat/");
  const id = idOf(query) ?? name;
  const outcome = await deps.registry.heartbeat(name, id);
  if (outcome.kind === "renewed") return respond.json({ message: "Renewed", name, id, status: outcome.status });
  if (outcome.kind === "failed") throw readFailure(outcome.failure);
  if (outcome.kind === "not-written") throw writeFailure(outcome.outcome, url.href);
  throw noInstance(name, id);
}

/** The id of a check is `service:NAME:INSTANCE`. */
export async function updateCheck(deps: HttpDeps, call: ServiceCall): Promise<Response> {
  const { request, url, respond } = call;
  const check = nameBehind(url, "/health/check/");
  const [kind, name = "", ...rest] = check.split(":");
  if (kind !== "service" || name === "") throw badRequest("id", 'must be "service:NAME" or "service:NAME:INSTANCE"');
  const id = rest.length === 0 ? name : rest.join(":");
  if (isRunByCluster(deps, name, rest)) {
    throw badRequest(
      "id",
      `names a check that the cluster runs by itself; its owner reports to service:${name}:INSTANCE`,
    );
  }
  const report = await readCheckReport(request);
  if (report.status === "passing") {
    const beat = await deps.registry.heartbeat(name, id);
    if (beat.kind === "not-found") throw noInstance(name, id);
    if (beat.kind === "not-written") throw writeFailure(beat.outcome, url.href);
    if (beat.kind === "failed") throw readFailure(beat.failure);
  }
  const result = await write(deps, call, { kind: "service-status", updates: [{ name, id, ...report }] });
  if (result.kind !== "service-status-set" || result.missing > 0) throw noInstance(name, id);
  return respond.json({ message: "Updated", id: check, status: report.status });
}

function isRunByCluster(deps: HttpDeps, name: string, rest: readonly string[]): boolean {
  const { services } = deps.replica.fsm;
  if (services.get(name, rest.join(":")) !== undefined) return false;
  const row = services.get(name, rest.slice(0, -1).join(":"));
  return row?.checks.some((check) => check.name === rest.at(-1)) === true;
}

export async function listServices(deps: HttpDeps, call: ServiceCall): Promise<Response> {
  const query = new Query(call.url, [...READ_PARAMETERS, "tag", "meta"]);
  const found = await read(deps, call, query);
  const byName = Map.groupBy(found, (entry) => entry.name);
  const services = [...byName].map(([name, entries]) => ({
    name,
    instances: entries.length,
    passing: entries.filter(({ row }) => overallStatus(row) === "passing").length,
    tags: [...new Set(entries.flatMap(({ row }) => row.tags))].toSorted(),
  }));
  return call.respond.json({ services });
}

export async function getService(deps: HttpDeps, call: ServiceCall): Promise<Response> {
  const query = new Query(call.url, [...READ_PARAMETERS, "passing", "tag", "meta"]);
  const name = nameBehind(call.url, "/services/");
  const found = await read(deps, call, query, name);
  if (deps.replica.fsm.services.list(name).length === 0) throw noService(name);
  const instances = found.filter(({ row }) => !query.flag("passing") || overallStatus(row) === "passing");
  return call.respond.json({ name, instances: instances.map(instanceFields) });
}

export async function serviceHealth(deps: HttpDeps, call: ServiceCall): Promise<Response> {
  const query = new Query(call.url, [...READ_PARAMETERS, "passing", "tag", "meta"]);
  const name = nameBehind(call.url, "/health/service/");
  const found = await read(deps, call, query, name);
  if (deps.replica.fsm.services.list(name).length === 0) throw noService(name);
  const instances = found.filter(({ row }) => !query.flag("passing") || overallStatus(row) === "passing");
  return call.respond.json({ name, instances: instances.map(instanceFields), checks: instances.flatMap(checksOf) });
}

export async function listChecks(deps: HttpDeps, call: ServiceCall): Promise<Response> {
  const query = new Query(call.url, [...READ_PARAMETERS, "tag", "meta"]);
  const found = await read(deps, call, query);
  return call.respond.json({ checks: found.flatMap(checksOf) });
}

/** Waits as the parameters say, then gives what matches them. */
async function read(
  deps: HttpDeps,
  { request }: ServiceCall,
  query: Query,
  name?: string,
): Promise<readonly ServiceEntry[]> {
  const services = name === undefined ? utf8("") : serviceKey(name, "");
  const failure = await deps.replica.prepareRead(query.readTerms({ services }, request));
  if (failure !== undefined) throw readFailure(failure);
  const tag = textOf(query, "tag");
  const meta = textOf(query, "meta");
  const at = meta?.indexOf(":") ?? 0;
  if (at === -1) throw badRequest("meta", "must be NAME:VALUE");
  const [wantedName, wantedValue] = [meta?.slice(0, at), meta?.slice(at + 1)];
  return deps.replica.fsm.services.list(name).filter(({ row }) => {
    if (tag !== undefined && !row.tags.includes(tag)) return false;
    return meta === undefined || row.meta.some(([one, value]) => one === wantedName && value === wantedValue);
  });
}

function instanceFields(entry: ServiceEntry): Readonly<Record<string, unknown>> {
  const { id, row } = entry;
  return {
    id,
    address: row.address,
    port: row.port,
    tags: row.tags,
    meta: Object.fromEntries(row.meta),
    weight: row.weight,
    ttl: row.ttlMs === 0 ? null : formatDuration(row.ttlMs),
    status: overallStatus(row),
    checks: checksOf(entry),
    create_index: row.createIndex,
    modify_index: row.modifyIndex,
  };
}

/** What is known of an instance: its TTL or what its owner reports, and what the cluster checks. */
function checksOf({ name, id, row }: ServiceEntry): readonly Readonly<Record<string, unknown>>[] {
  const { status, output, ttlMs, checks, checkStates } = row;
  const kind = ttlMs === 0 ? "reported" : "ttl";
  const own = { id: `service:${name}:${id}`, name: kind, service: name, instance: id, status, output };
  // Nobody has ever reported anything: the checks of the cluster say it all.
  const isSilent = ttlMs === 0 && checks.length > 0 && status === "passing" && output === "";
  const active = checks.map((check, at) => ({
    id: `service:${name}:${id}:${check.name}`,
    name: check.name,
    service: name,
    instance: id,
    status: checkStates[at]?.status,
    output: checkStates[at]?.output,
    [check.kind]: check.target,
    interval: formatDuration(check.intervalMs),
    timeout: formatDuration(check.timeoutMs),
    success_threshold: check.successThreshold,
    failure_threshold: check.failureThreshold,
  }));
  return isSilent ? active : [own, ...active];
}

function nameBehind(url: RequestUrl, start: string): string {
  return checkName("name", decodeName(url.pathname.slice(start.length)));
}

function idOf(query: Query): string | undefined {
  const id = textOf(query, "id");
  return id === undefined ? undefined : checkName("id", id);
}

function textOf(query: Query, name: string): string | undefined {
  const bytes = query.text(name);
  return bytes === undefined ? undefined : fromUtf8(bytes);
}

function noService(name: string): ApiError {
  return new ApiError("not_found", `No instance of ${name} is registered`, { fields: { name } });
}

function noInstance(name: string, id: string): ApiError {
  return new ApiError("not_found", `There is no instance ${id} of ${name}: register it first`, {
    fields: { name, id },
  });
}

function conflictOf(result: ServiceResult): ApiError {
  if (result.kind === "service-not-found") return new ApiError("not_found", "There is no such instance");
  if (result.kind === "service-conflict") {
    const { modifyIndex } = result;
    const now = modifyIndex === 0 ? "it is not registered" : `its modify_index is ${modifyIndex}`;
    return new ApiError("cas_conflict", `The instance was not changed: ${now}`, {
      fields: { modify_index: modifyIndex },
    });
  }
  return new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
}

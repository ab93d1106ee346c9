import { Client } from "./client.ts";
import { UsageError, type Invocation } from "./command.ts";
import { print, printJson, rowsOf, table, text } from "./output.ts";

function one(call: Invocation, name: string): string | undefined {
  return call.flags.get(name)?.[0];
}

function say(call: Invocation, body: Readonly<Record<string, unknown>>): number {
  if (call.flags.has("json")) printJson(body);
  else process.stderr.write(`${text(body["message"])} ${text(body["name"])}\n`);
  return 0;
}

function filters(call: Invocation): string {
  const query = new URLSearchParams();
  for (const name of ["tag", "meta"]) {
    const value = one(call, name);
    if (value !== undefined) query.set(name, value);
  }
  for (const name of ["passing", "consistent"]) if (call.flags.has(name)) query.set(name, "true");
  return query.size === 0 ? "" : `?${query.toString()}`;
}

export async function list(call: Invocation): Promise<number> {
  const body = await new Client(call).json("GET", `/services/${filters(call)}`);
  if (call.flags.has("json")) printJson(body);
  else
    print(
      table(
        ["NAME", "INSTANCES", "PASSING", "TAGS"],
        rowsOf(body["services"], ["name", "instances", "passing", "tags"]),
      ),
    );
  return 0;
}

export async function get(call: Invocation): Promise<number> {
  const [name = ""] = call.positions;
  const body = await new Client(call).json("GET", `/services/${encodeURIComponent(name)}${filters(call)}`);
  if (call.flags.has("json")) printJson(body);
  else
    print(
      table(
        ["ID", "ADDRESS", "PORT", "STATUS", "TTL", "TAGS"],
        rowsOf(body["instances"], ["id", "address", "port", "status", "ttl", "tags"]),
      ),
    );
  return 0;
}

export async function register(call: Invocation): Promise<number> {
  const [name = ""] = call.positions;
  const [address, port] = [one(call, "address"), one(call, "port")];
  if (address === undefined) throw new UsageError("--address is missing: it names the host where the service listens");
  if (port === undefined || !/^\d{1,5}$/.test(port)) throw new UsageError("--port must be a number from 0 to 65535");
  const meta = (call.flags.get("meta") ?? []).map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--meta must be NAME=VALUE: it is "${pair}"`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  const optional = Object.entries({ id: one(call, "id"), ttl: one(call, "ttl") }).filter(
    ([, value]) => value !== undefined,
  );
  const body = {
    name,
    address,
    port: Number(port),
    tags: call.flags.get("tag") ?? [],
    meta: Object.fromEntries(meta),
    checks: checksOf(call),
    ...Object.fromEntries(optional),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return say(call, await new Client(call).json("PUT", "/register", bytes, "application/json"));
}

function checksOf(call: Invocation): readonly Readonly<Record<string, string>>[] {
  const interval = one(call, "check-interval");
  const more = interval === undefined ? {} : { interval };
  return (["http", "tcp"] as const).flatMap((kind) => {
    const targets = call.flags.get(`check-${kind}`) ?? [];
    return targets.map((target, at) => ({ name: at === 0 ? kind : `${kind}-${at + 1}`, [kind]: target, ...more }));
  });
}

function withId(call: Invocation, path: string): string {
  const id = one(call, "id");
  return id === undefined ? path : `${path}?id=${encodeURIComponent(id)}`;
}

export async function deregister(call: Invocation): Promise<number> {
  const [name = ""] = call.positions;
  return say(call, await new Client(call).json("DELETE", withId(call, `/deregister/${encodeURIComponent(name)}`)));
}

export async function heartbeat(call: Invocation): Promise<number> {
  const [name = ""] = call.positions;
  return say(call, await new Client(call).json("PUT", withId(call, `/heartbeat/${encodeURIComponent(name)}`)));
}

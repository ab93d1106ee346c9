import { readFileSync } from "node:fs";
import { Client } from "./client.ts";
import { UsageError, type Invocation } from "./command.ts";
import { print, printJson, rowsOf, table, text } from "./output.ts";
import { unreadable } from "./unreadable.ts";

type Body = Readonly<Record<string, unknown>>;

function one(call: Invocation, name: string): string | undefined {
  return call.flags.get(name)?.[0];
}

function encode(body: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(body));
}

async function send(call: Invocation, method: string, path: string, body?: unknown): Promise<Body> {
  const sent = body === undefined ? undefined : encode(body);
  return new Client(call).json(method, path, sent, "application/json");
}

/** A secret goes to standard output by itself, so that a script can take it. */
function showSecret(call: Invocation, body: Body): number {
  if (call.flags.has("json")) printJson(body);
  else {
    process.stderr.write(`token ${text(body["accessor_id"])}; its secret is shown only now:\n`);
    print(text(body["secret"]));
  }
  return 0;
}

function say(call: Invocation, body: Body): number {
  if (call.flags.has("json")) printJson(body);
  else process.stderr.write(`${text(body["message"])} ${text(body["name"] ?? body["accessor_id"])}\n`);
  return 0;
}

function show(call: Invocation, body: Body): number {
  if (call.flags.has("json")) printJson(body);
  else
    print(
      table(
        ["FIELD", "VALUE"],
        Object.entries(body).map(([name, value]) => [
          name,
          typeof value === "object" ? JSON.stringify(value) : text(value),
        ]),
      ),
    );
  return 0;
}

export async function bootstrap(call: Invocation): Promise<number> {
  return showSecret(call, await send(call, "POST", "/acl/bootstrap"));
}

export async function tokenCreate(call: Invocation): Promise<number> {
  const ttl = one(call, "ttl");
  const description = one(call, "description");
  const body = {
    policies: call.flags.get("policy") ?? [],
    ...(ttl === undefined ? {} : { ttl }),
    ...(description === undefined ? {} : { description }),
  };
  return showSecret(call, await send(call, "POST", "/acl/tokens", body));
}

export async function tokenList(call: Invocation): Promise<number> {
  const body = await send(call, "GET", "/acl/tokens");
  if (call.flags.has("json")) printJson(body);
  else {
    const columns = ["accessor_id", "description", "policies", "expires_at"];
    print(table(["ACCESSOR", "DESCRIPTION", "POLICIES", "EXPIRES"], rowsOf(body["tokens"], columns)));
  }
  return 0;
}

export async function tokenGet(call: Invocation): Promise<number> {
  return show(call, await send(call, "GET", `/acl/tokens/${encodeURIComponent(call.positions[0] ?? "self")}`));
}

export async function tokenUpdate(call: Invocation): Promise<number> {
  const body = { policies: call.flags.get("policy") ?? [], description: one(call, "description") ?? "" };
  return say(call, await send(call, "PUT", `/acl/tokens/${encodeURIComponent(call.positions[0] ?? "")}`, body));
}

export async function tokenDelete(call: Invocation): Promise<number> {
  return say(call, await send(call, "DELETE", `/acl/tokens/${encodeURIComponent(call.positions[0] ?? "")}`));
}

export async function policySet(call: Invocation): Promise<number> {
  const file = one(call, "file");
  const rules = (call.flags.get("rule") ?? []).map(parseRule);
  if ((file === undefined) === (rules.length === 0)) {
    throw new UsageError("Give rules: --rule kv:prefix:web/:read,list (any number of times), or --file POLICY.json");
  }
  const body: unknown = file === undefined ? { rules } : readPolicy(file);
  return say(call, await send(call, "PUT", `/acl/policies/${encodeURIComponent(call.positions[0] ?? "")}`, body));
}

export async function policyList(call: Invocation): Promise<number> {
  const body = await send(call, "GET", "/acl/policies");
  if (call.flags.has("json")) printJson(body);
  else print(table(["NAME", "DESCRIPTION"], rowsOf(body["policies"], ["name", "description"])));
  return 0;
}

export async function policyGet(call: Invocation): Promise<number> {
  return show(call, await send(call, "GET", `/acl/policies/${encodeURIComponent(call.positions[0] ?? "")}`));
}

export async function policyDelete(call: Invocation): Promise<number> {
  return say(call, await send(call, "DELETE", `/acl/policies/${encodeURIComponent(call.positions[0] ?? "")}`));
}

/** RESOURCE:CAPABILITIES, or RESOURCE:MATCH:PATTERN:CAPABILITIES, where the pattern may hold colons. */
function parseRule(written: string): Readonly<Record<string, unknown>> {
  const [resource = "", match = "", ...rest] = written.split(":");
  const capabilities = (rest.length === 0 ? match : (rest.at(-1) ?? "")).split(",");
  if (rest.length === 0) return { resource, capabilities };
  if ((match === "prefix" || match === "exact" || match === "glob") && rest.length > 1) {
    return { resource, [match]: rest.slice(0, -1).join(":"), capabilities };
  }
  throw new UsageError(
    `--rule must be kv:prefix:web/:read,list (or exact, or glob) or cluster:read: it is "${written}"`,
  );
}

function readPolicy(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file === "-" ? "/dev/stdin" : file, "utf8"));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

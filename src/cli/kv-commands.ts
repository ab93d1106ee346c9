import { readFileSync } from "node:fs";
import { Client, failure } from "./client.ts";
import { UsageError, type Invocation } from "./command.ts";
import { print, printJson } from "./output.ts";
import { write } from "./standard-output.ts";
import { unreadable } from "./unreadable.ts";

const PAGE = 1000;

function pathOf(key: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams({ key });
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value);
  return `/kv?${query.toString()}`;
}

function one(call: Invocation, name: string): string | undefined {
  return call.flags.get(name)?.[0];
}

export async function get(call: Invocation): Promise<number> {
  const [key = ""] = call.positions;
  const consistent = one(call, "consistent");
  if (call.flags.has("json")) {
    const answer = await new Client(call).request("GET", pathOf(key, { consistent }));
    if (answer.status >= 300) throw failure(answer);
    // The answer's own text: numbers above 2^53 stay exact.
    print(new TextDecoder().decode(answer.bytes));
    return 0;
  }
  const answer = await new Client(call).request("GET", pathOf(key, { raw: "true", consistent }));
  if (answer.status >= 300) throw failure(answer);
  await write(answer.bytes);
  // On a terminal a value without line end would glue itself to the prompt.
  if (process.stdout.isTTY) print("");
  return 0;
}

export async function put(call: Invocation): Promise<number> {
  const [key = "", given = ""] = call.positions;
  const value = await readGiven(given);
  const answer = await new Client(call).request(
    "PUT",
    pathOf(key, { flags: one(call, "flags"), cas: one(call, "cas") }),
    value,
  );
  if (answer.status >= 300) throw failure(answer);
  if (call.flags.has("json")) print(new TextDecoder().decode(answer.bytes));
  else process.stderr.write(`Stored ${key}\n`);
  return 0;
}

export async function remove(call: Invocation): Promise<number> {
  const [key = ""] = call.positions;
  const parameters = { cas: one(call, "cas"), recurse: one(call, "recurse"), limit: one(call, "limit") };
  const answer = await new Client(call).json("DELETE", pathOf(key, parameters));
  if (call.flags.has("json")) printJson(answer);
  else
    process.stderr.write(
      typeof answer["deleted"] === "number" ? `Deleted ${answer["deleted"]} keys\n` : `Deleted ${key}\n`,
    );
  return 0;
}

export async function list(call: Invocation): Promise<number> {
  const client = new Client(call);
  const [prefix = ""] = call.positions;
  const limit = Number(one(call, "limit") ?? Infinity);
  if (!(limit >= 1) || (limit !== Infinity && !Number.isSafeInteger(limit)))
    throw new UsageError(`--limit must be a whole number from 1: it is "${one(call, "limit") ?? ""}"`);
  const withValues = call.flags.has("json") && !call.flags.has("keys");
  const found: unknown[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ prefix, limit: String(Math.min(PAGE, limit - found.length)) });
    if (!withValues) query.set("keys", "true");
    if (call.flags.has("consistent")) query.set("consistent", "true");
    if (after !== undefined) query.set("after", after);
    const page = await client.json("GET", `/kv/?${query.toString()}`);
    const items: unknown = withValues ? page["entries"] : page["keys"];
    if (Array.isArray(items)) for (const item of items) found.push(item);
    after = typeof page["next"] === "string" ? page["next"] : undefined;
  } while (after !== undefined && found.length < limit);
  if (call.flags.has("json")) printJson(found);
  else for (const key of found) print(String(key));
  return 0;
}

async function readGiven(given: string): Promise<Uint8Array> {
  if (given === "-") return new Uint8Array(await Bun.stdin.arrayBuffer());
  if (!given.startsWith("@")) return new TextEncoder().encode(given);
  try {
    return readFileSync(given.slice(1));
  } catch (cause) {
    throw unreadable(given.slice(1), cause);
  }
}

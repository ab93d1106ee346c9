import { atLeader } from "./at-leader.ts";
import { Client } from "./client.ts";
import { UsageError, type Invocation } from "./command.ts";
import { print, printJson, table, text } from "./output.ts";

function show(call: Invocation, body: Readonly<Record<string, unknown>>): number {
  if (call.flags.has("json")) printJson(body);
  else
    print(
      table(
        ["SETTING", "VALUE"],
        Object.entries(body).map(([name, value]) => [name, text(value)]),
      ),
    );
  return 0;
}

export async function get(call: Invocation): Promise<number> {
  return show(call, await new Client(call).json("GET", "/cluster/autopilot"));
}

export async function set(call: Invocation): Promise<number> {
  const pairs = call.positions.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`Settings are given as NAME=VALUE: "${pair}" is none`);
    return [pair.slice(0, at).replaceAll("-", "_"), valueOf(pair.slice(at + 1))] as const;
  });
  const body = new TextEncoder().encode(JSON.stringify(Object.fromEntries(pairs)));
  const answer = await new Client(call).json("PUT", "/cluster/autopilot", body, "application/json");
  if (call.flags.has("json")) printJson(answer);
  else process.stderr.write("Stored\n");
  return 0;
}

export async function state(call: Invocation): Promise<number> {
  // Only the leader hears all the others.
  const body = await new Client(await atLeader(call)).json("GET", "/cluster/autopilot/state");
  if (call.flags.has("json")) {
    printJson(body);
    return 0;
  }
  print(`healthy: ${text(body["healthy"])}, failure tolerance: ${text(body["failure_tolerance"])}`);
  const { servers } = body;
  const rows = (Array.isArray(servers) ? servers : []).map((one: unknown) => {
    const fields = new Map<string, unknown>(typeof one === "object" && one !== null ? Object.entries(one) : []);
    const reasons = fields.get("reasons");
    const waits = fields.get("waits_for");
    const all = Array.isArray(reasons) ? reasons.map(String) : [];
    if (typeof waits === "string") all.push(`waits: ${waits}`);
    const columns = ["id", "state", "zone", "version", "healthy", "stable_since"];
    return [...columns.map((name) => text(fields.get(name))), all.join("; ")];
  });
  print(table(["ID", "STATE", "ZONE", "RELEASE", "HEALTHY", "SINCE", "WHY"], rows));
  if (typeof body["last_action"] === "string") print(`last: ${body["last_action"]}`);
  if (body["partial"] === true) process.stderr.write("No node that leads could be asked, so little is known\n");
  return 0;
}

function valueOf(written: string): unknown {
  if (written === "true" || written === "false") return written === "true";
  return /^\d+$/.test(written) ? Number(written) : written;
}

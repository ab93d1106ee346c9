import { Client } from "./client.ts";
import { toRecord } from "./json-record.ts";
import type { Invocation } from "./command.ts";
import { print, printJson, table, text } from "./output.ts";

function rowsOf(value: unknown, columns: readonly string[]): string[][] {
  if (!Array.isArray(value)) return [];
  return value.map((one: unknown) => {
    const fields = new Map<string, unknown>(typeof one === "object" && one !== null ? Object.entries(one) : []);
    return columns.map((column) => text(fields.get(column)));
  });
}

export async function status(call: Invocation): Promise<number> {
  const body = await new Client(call).json("GET", "/cluster/status");
  if (call.flags.has("json")) {
    printJson(body);
    return 0;
  }
  print(`${text(body["state"])}: ${text(body["voters"])} voters, quorum ${text(body["quorum"])}`);
  const columns = ["id", "state", "voter", "address", "http_address", "version", "lag_entries"];
  print(table(["ID", "STATE", "VOTER", "ADDRESS", "HTTP", "VERSION", "LAG"], rowsOf(body["nodes"], columns)));
  return 0;
}

export async function leader(call: Invocation): Promise<number> {
  const body = await new Client(call).json("GET", "/cluster/leader");
  if (call.flags.has("json")) printJson(body);
  else print(`${text(body["id"])} at ${text(body["http_address"])}, term ${text(body["term"])}`);
  return 0;
}

export async function peers(call: Invocation): Promise<number> {
  const body = await new Client(call).json("GET", "/cluster/peers");
  if (call.flags.has("json")) printJson(body);
  else
    print(
      table(
        ["ID", "STATE", "VOTER", "ADDRESS", "HTTP"],
        rowsOf(body["peers"], ["id", "state", "voter", "address", "http_address"]),
      ),
    );
  return 0;
}

export async function snapshot(call: Invocation): Promise<number> {
  const body = await new Client(call).json("POST", "/cluster/snapshot");
  if (call.flags.has("json")) printJson(body);
  else print(`Snapshot at index ${text(body["index"])}, ${text(body["size_bytes"])} bytes`);
  return 0;
}

/** Asks the leader, as only it knows who answers. */
export async function clusterHealth(call: Invocation): Promise<number> {
  const found = await new Client(call).request("GET", "/cluster/leader");
  const address = toRecord(found.bytes)["http_address"];
  const url = found.status === 200 && typeof address === "string" ? address : undefined;
  const flags = url === undefined ? call.flags : new Map([...call.flags, ["http-addr", [url]]]);
  const body = await new Client({ ...call, flags }).json("GET", "/cluster/status");
  const { state, voters, healthy_voters: healthy, failure_tolerance: tolerance } = body;
  if (call.flags.has("json")) printJson({ state, failure_tolerance: tolerance ?? null });
  else if (url === undefined) print(`${text(state)}: no node leads at the moment`);
  else print(`${text(state)}: ${text(healthy)} of ${text(voters)} voters answer, ${text(tolerance)} more may fail`);
  return state === "healthy" ? 0 : 1;
}

import { Client } from "./client.ts";
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

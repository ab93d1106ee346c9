import { Client } from "./client.ts";
import type { Invocation } from "./command.ts";
import { toFields } from "./json-record.ts";
import { print, printJson, table, text } from "./output.ts";

export async function upgrade(call: Invocation): Promise<number> {
  const body = await new Client(call).json("GET", "/cluster/upgrade");
  if (call.flags.has("json")) {
    printJson(body);
    return 0;
  }
  const { cluster_version: current, next_version: next, members, behind } = body;
  print(`cluster version ${text(current)}${next === null ? "" : `, can be raised to ${text(next)}`}`);
  const rows = (Array.isArray(members) ? members : []).map((one: unknown) => {
    const { id, version, voter, cluster_versions: range } = toFields(one);
    const { min, max } = toFields(range);
    return [text(id), text(version), voter === true ? "voter" : "learner", `${text(min)} to ${text(max)}`];
  });
  print(table(["ID", "RELEASE", "ROLE", "CLUSTER VERSIONS"], rows));
  for (const reason of Array.isArray(behind) ? behind : []) process.stderr.write(`${String(reason)}\n`);
  if (next !== null) process.stderr.write("Once all is well: konsul cluster upgrade finalize. There is no way back\n");
  return 0;
}

export async function finalize(call: Invocation): Promise<number> {
  const body = await new Client(call).json("POST", "/cluster/upgrade/finalize");
  if (call.flags.has("json")) printJson(body);
  else process.stderr.write(`${text(body["message"])}: cluster version ${text(body["cluster_version"])}\n`);
  return 0;
}

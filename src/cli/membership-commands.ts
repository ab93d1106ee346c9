import { Client } from "./client.ts";
import { UsageError, type Invocation } from "./command.ts";
import { printJson, text } from "./output.ts";

function show(call: Invocation, body: Readonly<Record<string, unknown>>): number {
  if (call.flags.has("json")) printJson(body);
  else
    process.stderr.write(
      `${text(body["message"])}${body["node_id"] === undefined ? "" : ` ${text(body["node_id"])}`}\n`,
    );
  return 0;
}

export async function leave(call: Invocation): Promise<number> {
  const node = call.flags.get("node")?.[0];
  if (node === undefined) throw new UsageError("--node is missing: it names the node that is to leave");
  return show(call, await new Client(call).json("DELETE", `/cluster/leave/${encodeURIComponent(node)}`));
}

export async function join(call: Invocation): Promise<number> {
  const address = call.flags.get("address")?.[0];
  if (address === undefined)
    throw new UsageError("--address is missing: HOST:PORT of the peer port of the node that joins");
  const id = call.flags.get("id")?.[0];
  const body = new TextEncoder().encode(JSON.stringify({ address, ...(id === undefined ? {} : { node_id: id }) }));
  const answer = await new Client(call).json("POST", "/cluster/join", body, "application/json");
  return show(call, { ...answer, message: `Joined as ${text(answer["status"])}:` });
}

/** The node that is asked leaves and stops, not the one that leads. */
export async function leaveHere(call: Invocation): Promise<number> {
  return show(call, await new Client(call).json("POST", "/leave"));
}

export async function transfer(call: Invocation): Promise<number> {
  const to = call.flags.get("to")?.[0];
  const body = to === undefined ? undefined : new TextEncoder().encode(JSON.stringify({ to }));
  return show(call, await new Client(call).json("POST", "/cluster/transfer", body, "application/json"));
}

export async function changeRole(call: Invocation, change: "promote" | "demote"): Promise<number> {
  const [id = ""] = call.positions;
  return show(call, await new Client(call).json("POST", `/cluster/${change}/${encodeURIComponent(id)}`));
}

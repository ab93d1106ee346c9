import { Client } from "./client.ts";
import type { Invocation } from "./command.ts";
import { toRecord } from "./json-record.ts";

/** The same call on the node that leads, as far as the agent knows; on the agent where none does. */
export async function atLeader(call: Invocation): Promise<Invocation> {
  const found = await new Client(call).request("GET", "/cluster/leader");
  const address = toRecord(found.bytes)["http_address"];
  if (found.status !== 200 || typeof address !== "string") return call;
  return { ...call, flags: new Map([...call.flags, ["http-addr", [address]]]) };
}

import { Client } from "./client.ts";
import { Unreachable, UsageError, type Invocation } from "./command.ts";
import { text } from "./output.ts";
import type { ServerEvent } from "./server-events.ts";
import { write } from "./standard-output.ts";

const RECONNECT_MS = 500;

/** Prints changes until it is interrupted; goes on where it stopped when the connection breaks. */
export async function watch(call: Invocation): Promise<number> {
  const [key] = call.positions;
  const prefix = call.flags.get("prefix")?.[0];
  if ((key === undefined) === (prefix === undefined)) throw new UsageError("Give a KEY, or --prefix PREFIX");
  const query = new URLSearchParams(key === undefined ? { prefix: prefix ?? "" } : { key });
  const client = new Client(call);
  // An agent that cannot be reached at all is an error; one that was there is waited for.
  await client.json("GET", "/health/live");
  for (let last: string | undefined; ;) {
    if (last !== undefined) query.set("last_event_id", last);
    try {
      for await (const event of client.events(`/watch?${query.toString()}`)) {
        if (event.name !== "") await show(call, event);
        last = event.id;
      }
    } catch (cause) {
      if (!(cause instanceof Unreachable)) throw cause;
    }
    process.stderr.write("The stream ended: connecting again\n");
    await Bun.sleep(RECONNECT_MS);
  }
}

/** Waited for, so that changes pile up in the agent's bounded window and not here while nobody reads. */
async function show(call: Invocation, { name, id, data }: ServerEvent): Promise<void> {
  if (call.flags.has("json")) await write(`${JSON.stringify({ event: name, id, ...data })}\n`);
  else if (name === "put") await write(`put ${text(data["key"])} ${text(data["value"] ?? data["value_base64"])}\n`);
  else if (name === "delete") await write(`delete ${text(data["key"])}\n`);
  else process.stderr.write(`${name}: ${text(data["message"] ?? "changes were missed, read the keys again")}\n`);
}

import { Client, failure } from "./client.ts";
import { paintState } from "./colours.ts";
import { toFields, toRecord } from "./json-record.ts";
import { UsageError, type Invocation } from "./command.ts";
import { print, text } from "./output.ts";

export async function health(call: Invocation): Promise<number> {
  const [isLive, isReady] = [call.flags.has("live"), call.flags.has("ready")];
  if (isLive && isReady) throw new UsageError("--live and --ready are two questions: ask one");
  const path = isLive ? "/health/live" : isReady ? "/health/ready" : "/health";
  const answer = await new Client(call).request("GET", path);
  const body = toRecord(answer.bytes);
  // Only a node that is not well answers with a status of its own; who may not ask hears why.
  if (body["status"] === undefined) throw failure(answer);
  if (call.flags.has("json")) print(new TextDecoder().decode(answer.bytes));
  else {
    print(paintState(text(body["status"])) + (body["reason"] === undefined ? "" : `: ${text(body["reason"])}`));
    for (const line of complaints(body["checks"])) print(line);
  }
  return answer.status === 200 ? 0 : 1;
}

/** What is not as it should be, one line each. */
function complaints(checks: unknown): readonly string[] {
  return Object.entries(toFields(checks)).flatMap(([name, check]) => {
    const { status, message } = toFields(check);
    return status === "pass" || status === undefined ? [] : [`  ${name}: ${text(message)}`];
  });
}

import { atLeader } from "./at-leader.ts";
import { Client } from "./client.ts";
import { parseDuration } from "../config/index.ts";
import { paint, paintState } from "./colours.ts";
import { UsageError, type Invocation } from "./command.ts";
import { counted, print, printJson, rowsOf, table, text } from "./output.ts";
import { watchScreen } from "./watch-screen.ts";

const WATCH_EVERY = "2s";

export async function status(call: Invocation): Promise<number> {
  const client = new Client(call);
  const isJson = call.flags.has("json");
  if (!call.flags.has("watch")) {
    if (call.flags.has("interval")) throw new UsageError("--interval goes with --watch");
    const body = await client.json("GET", "/cluster/status");
    if (isJson) printJson(body);
    else print(overview(body));
    return 0;
  }
  const interval = parseDuration(call.flags.get("interval")?.[0] ?? WATCH_EVERY);
  if (!interval.ok) throw new UsageError(`--interval ${interval.error}`);
  return watchScreen(Math.max(100, interval.value), async () => {
    const body = await client.json("GET", "/cluster/status");
    return isJson ? JSON.stringify(body) : `${overview(body)}\n`;
  });
}

/** What somebody on call wants to see first: how it is, who leads, who is missing, who is behind. */
function overview(body: Readonly<Record<string, unknown>>): string {
  const { state, voters, quorum, healthy_voters: healthy, failure_tolerance: tolerance, leader: led } = body;
  const [stats, leading] = [fieldsOf(body["stats"]), fieldsOf(led)];
  const answering = healthy === null ? "" : `, ${text(healthy)} answer, ${text(tolerance)} more may fail`;
  const lines = [
    `${paintState(text(state))}: ${counted(voters, "voter")}, quorum ${text(quorum)}${answering}`,
    `leader ${led === null ? paint("red", "none") : text(leading.get("id"))}, term ${text(stats.get("term"))}, commit index ${text(stats.get("commit_index"))}`,
  ];
  if (body["partial"] === true)
    lines.push(
      paint("dim", "No leader could be asked: this is what this node knows, and of the others it knows little"),
    );
  const columns = [
    "id",
    "state",
    "voter",
    "address",
    "http_address",
    "version",
    "zone",
    "last_contact_ms",
    "lag_entries",
  ];
  const head = ["ID", "STATE", "VOTER", "ADDRESS", "HTTP", "VERSION", "ZONE", "CONTACT MS", "LAG"];
  return [...lines, "", table(head, rowsOf(body["nodes"], columns))].join("\n");
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>(typeof value === "object" && value !== null ? Object.entries(value) : []);
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
        ["ID", "NAME", "STATE", "VOTER", "ADDRESS", "HTTP", "ZONE", "VERSION"],
        rowsOf(body["peers"], ["id", "name", "state", "voter", "address", "http_address", "zone", "version"]),
      ),
    );
  return 0;
}

export async function config(call: Invocation): Promise<number> {
  const body = await new Client(call).json("GET", "/cluster/config");
  if (call.flags.has("json")) {
    printJson(body);
    return 0;
  }
  // Two epochs with one number are told apart by chance alone: people want to see the number.
  const { epoch, ...fields } = body;
  const rows = Object.entries({ ...fields, epoch: fieldsOf(epoch).get("counter") }).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(String).join(", ") || "-" : text(value),
  ]);
  print(table(["FIELD", "VALUE"], rows));
  return 0;
}

export async function snapshot(call: Invocation): Promise<number> {
  const body = await new Client(call).json("POST", `/cluster/snapshot${call.flags.has("local") ? "?local" : ""}`);
  if (call.flags.has("json")) printJson(body);
  else print(`Snapshot at index ${text(body["index"])}, ${text(body["size_bytes"])} bytes`);
  return 0;
}

/** Asks the leader, as only it knows who answers: "healthy" from anybody else would be a guess. */
export async function clusterHealth(call: Invocation): Promise<number> {
  const body = await new Client(await atLeader(call)).json("GET", "/cluster/status");
  const { voters, healthy_voters: healthy, failure_tolerance: tolerance } = body;
  const state = body["partial"] === true && body["state"] !== "unavailable" ? "unknown" : text(body["state"]);
  if (call.flags.has("json")) printJson({ state, failure_tolerance: tolerance ?? null });
  else if (state === "unknown") print("unknown: the leader has just changed, ask again");
  else if (body["partial"] === true) print(`${paintState(state)}: no node leads at the moment`);
  else
    print(`${paintState(state)}: ${text(healthy)} of ${text(voters)} voters answer, ${text(tolerance)} more may fail`);
  if (!call.flags.has("json")) for (const id of unreachable(body["nodes"])) print(`  ${id} does not answer`);
  return state === "healthy" ? 0 : 1;
}

/** Ids of the members that nobody hears. */
function unreachable(nodes: unknown): readonly string[] {
  return rowsOf(nodes, ["id", "state"]).flatMap(([id = "", state]) => (state === "unreachable" ? [id] : []));
}

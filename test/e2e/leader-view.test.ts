import { afterEach, expect, test } from "bun:test";
import { cleanUp, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const PATHS = ["/cluster/status", "/cluster/peers", "/cluster/health", "/cluster/autopilot/state"];

type Fields = Readonly<Record<string, unknown>>;

interface Question {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Said {
  readonly status: number;
  readonly body: Fields;
}

async function say(node: AgentProcess, { path, headers }: Question, sent: RequestInit = {}): Promise<Said> {
  const answer = await fetch(`${node.url}${path}`, { headers, ...sent });
  const body: Fields = Object(await answer.json());
  return { status: answer.status, body };
}

/** Of each node its own, or moving from one question to the next; `stable_since` is told to a millisecond or so. */
const UNCOMPARED = new Set([
  "stats",
  "stable_since",
  "last_contact_ms",
  "last_index",
  "match_index",
  "lag_entries",
  "request_id",
]);

function lasting(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (name, field: unknown) => (UNCOMPARED.has(name) ? undefined : field));
}

/** A leader that is busy may not answer in time, and may see something happen between two questions: then once more. */
const TRIES = 50;

async function expectSame(node: AgentProcess, leader: AgentProcess, question: Question): Promise<void> {
  for (let left = TRIES - 1; ; left -= 1) {
    const before = await say(leader, question);
    const said = await say(node, question);
    const isSettled = Bun.deepEquals(lasting(before), lasting(await say(leader, question)));
    if (left > 0 && (!isSettled || said.body["partial"] === true)) continue;
    expect([question, lasting(said)]).toEqual([question, lasting(before)]);
    return;
  }
}

test("a follower says of the cluster what the leader says, to whom the leader would, and refuses others alike", async () => {
  let root = "";
  const { leader, followers } = await startThreeNodes(["--acl-enabled"], async (first) => {
    const made = await say(first, { path: "/acl/bootstrap", headers: {} }, { method: "POST" });
    root = String(made.body["secret"]);
    return root;
  });
  const write = async (method: "PUT" | "POST", path: string, body: object): Promise<Fields> => {
    const headers = { "X-Konsul-Token": root, "Content-Type": "application/json" };
    const written = await say(leader, { path, headers }, { method, body: JSON.stringify(body) });
    expect([path, written.status]).toEqual([path, 200]);
    return written.body;
  };
  const tokenFor = async (resource: "cluster" | "kv"): Promise<string> => {
    await write("PUT", `/acl/policies/${resource}`, { rules: [{ resource, prefix: "", capabilities: ["read"] }] });
    return String((await write("POST", "/acl/tokens", { policies: [resource] }))["secret"]);
  };
  const [reader, other] = [await tokenFor("cluster"), await tokenFor("kv")];
  const askers: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
    [{ "X-Konsul-Token": reader }, 200],
    [{ Authorization: `Bearer ${reader}` }, 200],
    [{}, 401],
    [{ "X-Konsul-Token": "of nobody" }, 401],
    [{ "X-Konsul-Token": other }, 403],
  ];
  for (const path of PATHS) {
    for (const [headers, status] of askers) {
      const question = { path, headers };
      expect([question, (await say(leader, question)).status]).toEqual([question, status]);
      for (const node of followers) await expectSame(node, leader, question);
    }
  }
}, 60_000);

import { afterEach, expect, test } from "bun:test";
import { cleanUp, konsul, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const JSON_TYPE = { "Content-Type": "application/json" };

async function send(
  node: AgentProcess,
  request: string,
  body?: unknown,
  headers = {},
): Promise<{ readonly id?: string }> {
  const [method = "", path = ""] = request.split(" ");
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const answer = await fetch(`${node.url}${path}`, { method, headers: { ...JSON_TYPE, ...headers }, ...sent });
  expect([request, answer.status]).toEqual([request, 200]);
  const fields: { readonly id?: string } = Object(await answer.json());
  return fields;
}

async function raw(node: AgentProcess, key: string, value: string, query = ""): Promise<void> {
  const answer = await fetch(`${node.url}/kv/${key}${query}`, { method: "PUT", body: value });
  expect([key, query, answer.status]).toEqual([key, query, 200]);
}

/** One command of every kind, and a few that meet what others left. */
async function everyCommand(leader: AgentProcess): Promise<void> {
  for (let at = 0; at < 40; at += 1) await raw(leader, `${at % 2 === 0 ? "tree/" : "other/"}${at}`, `v${at}`);
  await raw(leader, "other/1", "again", "?flags=7");
  await raw(leader, "other/new", "only if absent", "?cas=0");
  await send(leader, "DELETE /kv/other/3");
  await send(leader, "DELETE /kv/tree/?recurse&limit=5");
  await send(leader, "DELETE /kv/tree/?recurse");
  await send(leader, "POST /kv/txn", {
    operations: [
      { op: "check-index", key: "none", index: 0 },
      { op: "set", key: "txn/a", value: "1" },
      { op: "delete", key: "other/5" },
    ],
  });
  await send(leader, "DELETE /kv/other/7", undefined, { "Idempotency-Key": "once" });
  await send(leader, "DELETE /kv/other/7", undefined, { "Idempotency-Key": "once" });
  const [kept, left] = [
    await send(leader, "POST /sessions", { ttl: "1h" }),
    await send(leader, "POST /sessions", { ttl: "1h" }),
  ];
  await raw(leader, "lock/a", "mine", `?acquire=${kept.id}`);
  await raw(leader, "lock/b", "mine", `?acquire=${left.id}`);
  await raw(leader, "lock/a", "free", `?release=${kept.id}`);
  await send(leader, `DELETE /sessions/${left.id}`);
  for (const id of ["1", "2"])
    await send(leader, "PUT /register", { name: "web", id, address: "h", port: 1, tags: ["t"] });
  await send(leader, "PUT /health/check/service:web:1", { status: "critical", output: "down" });
  await send(leader, "DELETE /deregister/web?id=2");
  await send(leader, "PUT /cluster/autopilot", { min_quorum: 2 });
}

/** Everything that a node can be asked for, as nobody could know it better. */
async function stateOf(node: AgentProcess): Promise<readonly string[]> {
  const paths = ["/kv/?consistent", "/sessions?consistent", "/services/web?consistent", "/health/checks?consistent"];
  return Promise.all(paths.map(async (path) => (await fetch(`${node.url}${path}`)).text()));
}

test("after one command of every kind all nodes hold the same, in memory, in snapshots and on disk", async () => {
  const { nodes, leader } = await startThreeNodes();
  await everyCommand(leader);
  const wanted = await stateOf(leader);
  expect(wanted.join()).not.toContain("tree/");
  for (const node of nodes) expect(await stateOf(node)).toEqual(wanted);
  // A snapshot holds what is in memory, where the log alone would be applied anew.
  const file = temporaryFolder();
  const hashes: unknown[] = [];
  for (const [at, node] of nodes.entries()) {
    expect((await konsul(["snapshot", "save", `${file}/${at}`], { url: node.url })).code).toBe(0);
    const seen = await konsul(["snapshot", "inspect", `${file}/${at}`, "--json"]);
    const { state_hash: hash }: { readonly state_hash?: string } = Object(JSON.parse(seen.out));
    hashes.push(hash);
  }
  expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/);
  expect(hashes).toEqual([hashes[0], hashes[0], hashes[0]]);
}, 60_000);

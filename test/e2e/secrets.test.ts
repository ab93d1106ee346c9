import { afterEach, expect, test } from "bun:test";
import { cleanUp, konsul } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const JOIN_TOKEN = "canary-join-token-0123456789abcdef";
const GUESSED = "canary-guessed-secret";
const VALUE = "canary-value-of-a-key";

/** Nothing that opens a door, and nothing that clients stored, is ever said by the server by itself. */
test("no secret is in logs, metrics, errors and configuration", async () => {
  let root = "";
  const flags = ["--join-token", JOIN_TOKEN, "--acl-enabled", "--log-level", "debug"];
  const cluster = await startThreeNodes(flags, async (first) => {
    const made: { readonly secret?: string } = Object(
      await (await fetch(`${first.url}/acl/bootstrap`, { method: "POST" })).json(),
    );
    root = made.secret ?? "";
    return root;
  });
  expect(root.length).toBeGreaterThan(20);
  const said: string[] = [];
  const ask = async (url: string, request: string, token: string, body?: string): Promise<number> => {
    const [method = "", path = ""] = request.split(" ");
    const headers = { "X-Konsul-Token": token };
    const answer = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await answer.text();
    if (!path.startsWith("/kv/kept")) said.push(text);
    return answer.status;
  };
  for (const { url } of cluster.nodes) {
    expect(await ask(url, "PUT /kv/kept", root, VALUE)).toBe(200);
    expect(await ask(url, "GET /kv/kept", GUESSED)).toBe(401);
    expect(await ask(url, `PUT /kv/other?token=${GUESSED}`, "", VALUE)).toBeGreaterThanOrEqual(400);
    expect(await ask(url, "PUT /register", root, `{"name": "${GUESSED}"`)).toBe(400);
    for (const path of ["/metrics", "/cluster/status", "/cluster/config", "/acl/tokens", "/health", "/swagger/json"]) {
      await ask(url, `GET ${path}`, root);
    }
    await ask(url, "POST /cluster/snapshot", root);
    const wrong = await konsul(["kv", "get", "kept"], { url, environment: { KONSUL_TOKEN: GUESSED } });
    expect(wrong.code).not.toBe(0);
    said.push(wrong.out, wrong.problems);
  }
  const shown = await konsul(["config", "show", "--join-token", JOIN_TOKEN]);
  said.push(shown.out, shown.problems);
  await cluster.leader.end("SIGKILL");
  for (const node of cluster.nodes) said.push(node.log());
  const all = said.join("\n");
  for (const canary of [JOIN_TOKEN, GUESSED, VALUE, root]) {
    const at = all.indexOf(canary);
    expect(at === -1 ? "" : all.slice(Math.max(0, at - 200), at + 50)).toBe("");
  }
  expect(all).toContain("Access was denied");
  expect(all).toContain("An operator's action");
});

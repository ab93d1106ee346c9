import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly field?: string;
    readonly missing?: string;
    readonly secret?: string;
    readonly accessor_id?: string;
    readonly reset_index?: number;
    readonly policies?: readonly unknown[];
    readonly tokens?: readonly unknown[];
  };
}

async function call(node: AgentProcess, token: string, request: string, body?: unknown): Promise<Answer> {
  const [method = "", path = ""] = request.split(" ");
  const headers: Record<string, string> = token === "" ? {} : { "X-Konsul-Token": token };
  if (typeof body === "object") headers["Content-Type"] = "application/json";
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const answer = await fetch(`${node.url}${path}`, { method, headers, ...sent });
  const text = await answer.text();
  const fields: Answer["body"] = text.startsWith("{") ? Object(JSON.parse(text)) : {};
  return { status: answer.status, body: fields };
}

async function bootstrap(node: AgentProcess): Promise<string> {
  const { status, body } = await call(node, "", "POST /acl/bootstrap");
  expect(status).toBe(200);
  return body.secret ?? "";
}

async function tokenWith(
  node: AgentProcess,
  root: string,
  rules: readonly unknown[],
  more: object = {},
): Promise<Answer["body"]> {
  const name = `p${crypto.randomUUID()}`;
  expect((await call(node, root, `PUT /acl/policies/${name}`, { rules })).status).toBe(200);
  const { status, body } = await call(node, root, "POST /acl/tokens", { policies: [name], ...more });
  expect(status).toBe(200);
  return body;
}

describe("access control of one node", () => {
  test("allows what the policies say, and says what is missing", async () => {
    const node = await startAgent(["--dev", "--acl-enabled"]);
    expect((await call(node, "", "GET /kv/a")).body).toMatchObject({ error: "unauthenticated", missing: "kv:read" });
    const root = await bootstrap(node);
    expect((await call(node, root, "PUT /kv/web/a", "1")).status).toBe(200);
    expect((await call(node, root, "PUT /kv/web/secret/b", "2")).status).toBe(200);
    const rules = [
      { resource: "kv", prefix: "web/", capabilities: ["read", "list"] },
      { resource: "kv", prefix: "web/secret/", capabilities: ["deny"] },
      { resource: "kv", exact: "web/mine", capabilities: ["write"] },
    ];
    const { secret = "" } = await tokenWith(node, root, rules);
    const cases: readonly (readonly [string, number, string?])[] = [
      ["GET /kv/web/a", 200],
      ["GET /kv?key=web/a", 200],
      ["GET /kv/web/secret/b", 403, "kv:read"],
      ["GET /kv/%77eb/secret/b", 403, "kv:read"],
      ["GET /kv?key=web/x/../secret/b", 404],
      ["GET /kv/web/x/../secret/b", 403, "kv:read"],
      ["GET /kv/?prefix=web/", 403, "kv:list"],
      ["GET /kv/?prefix=web/a", 200],
      ["PUT /kv/web/mine", 200],
      ["PUT /kv/web/a", 403, "kv:write"],
      ["DELETE /kv/web/mine", 403, "kv:delete"],
      ["DELETE /kv/web/?recurse", 403, "kv:delete"],
      ["GET /services/", 403, "service:read"],
      ["GET /cluster/status", 403, "cluster:read"],
      ["GET /metrics", 403, "cluster:read"],
      ["GET /swagger/json", 403, "cluster:read"],
      ["POST /cluster/snapshot", 403, "cluster:admin"],
      ["GET /acl/tokens", 403, "acl:admin"],
      ["GET /acl/tokens/self", 200],
      ["GET /health/live", 200],
      ["GET /health/ready", 200],
      ["GET /nowhere", 404],
    ];
    for (const [request, status, missing] of cases) {
      const answer = await call(node, secret, request, request.startsWith("PUT") ? "x" : undefined);
      expect([request, answer.status, answer.body.missing]).toEqual([request, status, missing]);
    }
    const get = { op: "get", key: "web/a" };
    expect((await call(node, secret, "POST /kv/txn", { operations: [get] })).status).toBe(200);
    const both = { operations: [get, { op: "set", key: "other", value: "" }] };
    expect((await call(node, secret, "POST /kv/txn", both)).body.missing).toBe("kv:write");
    const service = { name: "web", address: "h", port: 1 };
    expect((await call(node, secret, "PUT /register", service)).body.missing).toBe("service:register");
    expect((await call(node, "wrong", "GET /kv/web/a")).body.error).toBe("unauthenticated");
  });

  test("tokens expire and are deleted, and no secret is shown twice or logged", async () => {
    const node = await startAgent(["--dev", "--acl-enabled", "--log-level=debug"]);
    const root = await bootstrap(node);
    const rules = [{ resource: "kv", prefix: "", capabilities: ["read", "write"] }];
    const short = await tokenWith(node, root, rules, { ttl: "1s" });
    expect((await call(node, short.secret ?? "", "PUT /kv/a", "1")).status).toBe(200);
    while ((await call(node, short.secret ?? "", "GET /kv/a")).status === 200) await Bun.sleep(20);
    expect((await call(node, short.secret ?? "", "GET /kv/a")).body.error).toBe("unauthenticated");
    const long = await tokenWith(node, root, rules);
    expect((await call(node, long.secret ?? "", "GET /kv/a")).status).toBe(200);
    const list = await call(node, root, "GET /acl/tokens");
    expect(list.body.tokens).toHaveLength(3);
    expect(JSON.stringify(list.body)).not.toContain(long.secret ?? "");
    expect((await call(node, root, `DELETE /acl/tokens/${long.accessor_id}`)).status).toBe(200);
    expect((await call(node, long.secret ?? "", "GET /kv/a")).status).toBe(401);
    const metrics = await fetch(`${node.url}/metrics`, { headers: { Authorization: `Bearer ${root}` } });
    expect(metrics.status).toBe(200);
    const said = node.log() + (await metrics.text());
    for (const secret of [root, short.secret, long.secret]) expect(said).not.toContain(secret ?? "");
    expect(said).toContain("Access was denied");
    expect(said).toContain("An operator's action");
  });

  test("the first token is made once; who can write on the machine makes another", async () => {
    const folder = join(temporaryFolder(), "data");
    const node = await startAgent(["--data-dir", folder, "--acl-enabled"]);
    await bootstrap(node);
    const again = await call(node, "", "POST /acl/bootstrap");
    expect([again.status, again.body.error]).toEqual([409, "conflict"]);
    writeFileSync(join(folder, "acl-bootstrap-reset"), `${(again.body.reset_index ?? 0) + 1}\n`);
    expect((await call(node, "", "POST /acl/bootstrap")).status).toBe(409);
    writeFileSync(join(folder, "acl-bootstrap-reset"), `${again.body.reset_index}\n`);
    const root = await bootstrap(node);
    expect((await call(node, root, "GET /acl/policies")).status).toBe(200);
    expect((await call(node, "", "POST /acl/bootstrap")).status).toBe(409);
  });

  test("a watch ends when its token is deleted, and a blocking read gives nothing away", async () => {
    const node = await startAgent(["--dev", "--acl-enabled"]);
    const root = await bootstrap(node);
    const rules = [{ resource: "kv", prefix: "", capabilities: ["read", "list"] }];
    const { secret = "", accessor_id: accessor = "" } = await tokenWith(node, root, rules);
    await call(node, root, "PUT /kv/a", "1");
    const headers = { "X-Konsul-Token": secret };
    const stream = await fetch(`${node.url}/watch?prefix=`, { headers });
    const { status: waiting, body } = await call(node, secret, "GET /kv/a");
    const index = Number(Object(body)["modify_index"]);
    expect([stream.status, waiting]).toEqual([200, 200]);
    const blocked = call(node, secret, `GET /kv/a?index=${index}&wait=30s`);
    while (!/konsul_watchers [12]/.test(await metricsOf(node, root))) await Bun.sleep(10);
    expect((await call(node, root, `DELETE /acl/tokens/${accessor}`)).status).toBe(200);
    expect(await stream.text()).toContain("event: end\n");
    await call(node, root, "PUT /kv/a", "2");
    expect((await blocked).status).toBe(401);
  });

  test("bad input is answered with the field that is wrong", async () => {
    const node = await startAgent(["--dev", "--acl-enabled"]);
    const root = await bootstrap(node);
    const wrong: readonly (readonly [string, unknown, string])[] = [
      ["PUT /acl/policies/p", { rules: [{ resource: "kv", capabilities: ["fly"] }] }, "rules[0]"],
      ["PUT /acl/policies/p", { rules: [{ resource: "sky", capabilities: ["read"] }] }, "rules[0]"],
      [
        "PUT /acl/policies/p",
        { rules: [{ resource: "kv", prefix: "a", exact: "b", capabilities: ["read"] }] },
        "rules[0]",
      ],
      ["PUT /acl/policies/p", { rules: "all" }, "rules"],
      ["PUT /acl/policies/a%20b", { rules: [] }, "name"],
      ["POST /acl/tokens", { policies: ["nowhere"] }, "policies"],
      ["POST /acl/tokens", { policies: [], ttl: "soon" }, "ttl"],
      ["POST /acl/tokens", { policies: [], colour: 1 }, "colour"],
    ];
    for (const [request, body, field] of wrong) {
      const answer = await call(node, root, request, body);
      expect([request, answer.status, answer.body.field]).toEqual([request, 400, field]);
    }
    expect((await call(node, root, "PUT /acl/policies/ops", { rules: [] })).status).toBe(200);
    // A byte order mark, a byte that is no UTF-8, a percent sign with nothing behind it.
    for (const name of ["%EF%BB%BFops", "ops%FF", "ops%"]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await call(node, root, `${method} /acl/policies/${name}`);
        expect([name, answer.status, answer.body.error, answer.body.field]).toEqual([name, 400, "bad_request", "name"]);
      }
    }
    expect((await call(node, root, "GET /acl/policies/ops")).status).toBe(200);
    expect((await call(node, root, "DELETE /acl/policies/global-management")).status).toBe(409);
    const off = await startAgent(["--dev"]);
    expect((await call(off, "", "POST /acl/bootstrap")).status).toBe(409);
  });

  test("is used from the command line", async () => {
    const { url } = await startAgent(["--dev", "--acl-enabled"]);
    const root = (await konsul(["acl", "bootstrap"], { url })).out.trim();
    const withRoot = ["--token", root];
    const set = ["acl", "policy", "set", "web", "--rule", "kv:prefix:web/:read,write", "--rule", "cluster:read"];
    expect((await konsul([...set, ...withRoot], { url })).code).toBe(0);
    const secret = (await konsul(["acl", "token", "create", "--policy", "web", ...withRoot], { url })).out.trim();
    expect((await konsul(["kv", "put", "web/a", "1", "--token", secret], { url })).code).toBe(0);
    const denied = await konsul(["kv", "put", "other", "1", "--token", secret], { url });
    expect([denied.code, denied.problems]).toEqual([1, expect.stringContaining('kv:write on "other"')]);
    expect((await konsul(["acl", "token", "get", "--token", secret], { url })).out).toContain("web");
    expect((await konsul(["acl", "policy", "get", "web", ...withRoot], { url })).out).toContain("web/");
    expect((await konsul(["acl", "token", "list", ...withRoot], { url })).out).toContain("global-management");
    expect((await konsul(["acl", "policy", "list", ...withRoot], { url })).out).toContain("web");
    expect((await konsul(["acl", "policy", "delete", "web", ...withRoot], { url })).problems).toContain(
      "has this policy",
    );
    expect((await konsul(["acl", "policy", "set", "x", ...withRoot], { url })).code).toBe(2);
  });
});

async function metricsOf(node: AgentProcess, token: string): Promise<string> {
  return (await fetch(`${node.url}/metrics`, { headers: { "X-Konsul-Token": token } })).text();
}

test("three nodes: a new token works on every node at once, and what is denied is denied alike", async () => {
  let root = "";
  const { nodes, leader } = await startThreeNodes(["--acl-enabled"], async (first) => (root = await bootstrap(first)));
  for (const maker of nodes) {
    const rules = [{ resource: "kv", prefix: "own/", capabilities: ["read", "write"] }];
    const { secret = "", accessor_id: accessor = "" } = await tokenWith(maker, root, rules);
    for (const node of nodes) {
      expect((await call(node, secret, "PUT /kv/own/a", "1")).status).toBe(200);
      const denied = await call(node, secret, "PUT /kv/other", "1");
      expect([denied.status, denied.body.missing]).toEqual([403, "kv:write"]);
      expect((await call(node, "", "PUT /kv/own/a", "1")).status).toBe(401);
    }
    expect((await call(leader, root, `DELETE /acl/tokens/${accessor}`)).status).toBe(200);
    for (const node of nodes) while ((await call(node, secret, "GET /kv/own/a")).status === 200) await Bun.sleep(10);
  }
}, 60_000);

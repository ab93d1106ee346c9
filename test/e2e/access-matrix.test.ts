import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PATHS } from "../../src/http/index.ts";
import { cleanUp, startAgent, type AgentProcess } from "./agent-process.ts";

/** What each operation needs; one that is not here fails the test. */
const NEEDS: Readonly<Record<string, string>> = {
  "GET /kv/{key}": "kv:read",
  "PUT /kv/{key}": "kv:write",
  "DELETE /kv/{key}": "kv:delete",
  "GET /kv": "kv:read",
  "PUT /kv": "kv:write",
  "DELETE /kv": "kv:delete",
  "GET /kv/": "kv:list",
  "POST /kv/txn": "kv:write",
  "GET /watch": "kv:list",
  "PUT /register": "service:register",
  "DELETE /deregister/{name}": "service:deregister",
  "PUT /heartbeat/{name}": "service:register",
  "GET /services/": "service:read",
  "GET /services/{name}": "service:read",
  "GET /sessions": "session:read",
  "POST /sessions": "session:write",
  "GET /sessions/{id}": "session:read",
  "DELETE /sessions/{id}": "session:write",
  "PUT /sessions/{id}/renew": "session:write",
  "GET /health/service/{name}": "health:read",
  "GET /health/checks": "health:read",
  "PUT /health/check/{id}": "health:write",
  "GET /health": "cluster:read",
  "GET /health/live": "open",
  "GET /health/ready": "open",
  "GET /metrics": "cluster:read",
  "GET /cluster/status": "cluster:read",
  "GET /cluster/leader": "cluster:read",
  "GET /cluster/peers": "cluster:read",
  "GET /cluster/config": "cluster:read",
  "GET /cluster/health": "cluster:read",
  "GET /cluster/autopilot": "cluster:read",
  "PUT /cluster/autopilot": "cluster:admin",
  "GET /cluster/autopilot/state": "cluster:read",
  "POST /cluster/snapshot": "cluster:admin",
  "POST /cluster/transfer": "cluster:admin",
  "DELETE /cluster/leave/{id}": "cluster:admin",
  "POST /cluster/promote/{id}": "cluster:admin",
  "POST /cluster/demote/{id}": "cluster:admin",
  "GET /cluster/upgrade": "cluster:read",
  "POST /cluster/upgrade/finalize": "cluster:admin",
  "POST /cluster/join": "cluster:admin",
  "POST /leave": "cluster:admin",
  "GET /debug": "cluster:admin",
  "GET /snapshot": "cluster:admin",
  "PUT /snapshot": "cluster:admin",
  "POST /acl/bootstrap": "open",
  "GET /acl/tokens": "acl:admin",
  "POST /acl/tokens": "acl:admin",
  "GET /acl/tokens/self": "any token",
  "GET /acl/tokens/{id}": "acl:admin",
  "PUT /acl/tokens/{id}": "acl:admin",
  "DELETE /acl/tokens/{id}": "acl:admin",
  "GET /acl/policies": "acl:admin",
  "GET /acl/policies/{name}": "acl:admin",
  "PUT /acl/policies/{name}": "acl:admin",
  "DELETE /acl/policies/{name}": "acl:admin",
};

const METHODS = new Set(["get", "put", "post", "delete"]);
const OPERATIONS = Object.entries(PATHS).flatMap(([path, operations]) =>
  Object.keys(operations)
    .filter((method) => METHODS.has(method))
    .map((method) => `${method.toUpperCase()} ${path}`),
);

const BODIES: Readonly<Record<string, unknown>> = {
  "POST /kv/txn": { operations: [{ op: "set", key: "a/x", value: "1" }] },
  "PUT /register": { name: "a", address: "h", port: 1 },
  "POST /sessions": { ttl: "1h" },
};

const tokens: Record<string, string> = {};
let agent: AgentProcess;

async function call(operation: string, token: string): Promise<{ readonly status: number; readonly missing: unknown }> {
  const [method = "", path = ""] = operation.split(" ");
  const url = `${agent.url}${path.replace("{key}", "a/x").replace(/\{\w+\}/, "a")}${path === "/kv" ? "?key=a/x" : path === "/kv/" || path === "/watch" ? "?prefix=a/" : ""}`;
  const body = BODIES[operation];
  const sent = method === "GET" ? {} : { body: body === undefined ? "{}" : JSON.stringify(body) };
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token !== "") headers["Authorization"] = `Bearer ${token}`;
  const answer = await fetch(url, { method, headers, ...sent });
  if (answer.headers.get("content-type")?.startsWith("application/json") !== true) {
    await answer.body?.cancel();
    return { status: answer.status, missing: undefined };
  }
  return { status: answer.status, missing: Object(await answer.json())["missing"] };
}

async function admin(path: string, method: string, body: unknown): Promise<Readonly<Record<string, string>>> {
  const headers = { "X-Konsul-Token": tokens["admin"] ?? "", "Content-Type": "application/json" };
  const answer = await fetch(`${agent.url}${path}`, { method, headers, body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
  const fields: Readonly<Record<string, string>> = Object(await answer.json());
  return fields;
}

beforeAll(async () => {
  agent = await startAgent(["--dev", "--acl-enabled"]);
  const first: { readonly secret?: string } = Object(
    await (await fetch(`${agent.url}/acl/bootstrap`, { method: "POST" })).json(),
  );
  tokens["admin"] = first.secret ?? "";
  const kv = (prefix: string): unknown => ({ rules: [{ resource: "kv", prefix, capabilities: ["read", "list"] }] });
  await admin("/acl/policies/reader", "PUT", kv("a/"));
  await admin("/acl/policies/other", "PUT", kv("b/"));
  const make = async (policy: string, more: object = {}): Promise<Readonly<Record<string, string>>> =>
    admin("/acl/tokens", "POST", { policies: [policy], ...more });
  tokens["read-only"] = (await make("reader"))["secret"] ?? "";
  tokens["other prefix"] = (await make("other"))["secret"] ?? "";
  tokens["expired"] = (await make("reader", { ttl: "1ms" }))["secret"] ?? "";
  const gone = await make("reader");
  tokens["deleted"] = gone["secret"] ?? "";
  await admin(`/acl/tokens/${gone["accessor_id"]}`, "DELETE", {});
  tokens["bad"] = "not-a-token";
  tokens["none"] = "";
});
afterAll(cleanUp);

test("every operation of the API has a row, and every row an operation", () => {
  expect(OPERATIONS.toSorted()).toEqual(Object.keys(NEEDS).toSorted());
});

describe("who may do what", () => {
  for (const [operation, need] of Object.entries(NEEDS)) {
    test(`${operation} needs ${need}`, async () => {
      for (const name of ["none", "bad", "expired", "deleted"]) {
        const { status } = await call(operation, tokens[name] ?? "");
        const isOpen = need === "open" || (need === "any token" && name === "none");
        if (isOpen) expect([name, status === 401 || status === 403]).toEqual([name, false]);
        else expect([name, status]).toEqual([name, 401]);
      }
      const isReadable = need === "kv:read" || need === "kv:list" || need === "open" || need === "any token";
      const reader = await call(operation, tokens["read-only"] ?? "");
      if (isReadable) expect(reader.status === 401 || reader.status === 403).toBe(false);
      else expect(reader).toEqual({ status: 403, missing: need });
      const other = await call(operation, tokens["other prefix"] ?? "");
      if (need === "open" || need === "any token") expect(other.status).not.toBe(403);
      else expect([other.status, other.missing]).toEqual([403, need]);
      const root = await call(operation, tokens["admin"] ?? "");
      expect(root.status === 401 || root.status === 403).toBe(false);
    });
  }
});

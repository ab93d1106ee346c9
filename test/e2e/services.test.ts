import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly status?: string;
    readonly field?: string;
    readonly modify_index?: number;
    readonly services?: readonly unknown[];
    readonly checks?: readonly unknown[];
    readonly instances?: readonly { readonly id: string; readonly status: string; readonly modify_index: number }[];
    readonly leader?: { readonly id: string } | null;
    readonly voters?: number;
  };
}

async function call(node: AgentProcess, method: string, path: string, body?: unknown): Promise<Answer> {
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const answer = await fetch(`${node.url}${path}`, { method, ...sent });
  const text: Answer["body"] = Object(await answer.json());
  return { status: answer.status, body: text };
}

async function statusOf(node: AgentProcess, path: string): Promise<string | undefined> {
  return (await call(node, "GET", path)).body.instances?.[0]?.status;
}

const WEB = { name: "web", address: "10.0.0.1", port: 80, tags: ["b", "a"], meta: { zone: "x" } };

describe("the registry of one node", () => {
  test("keeps instances with what was said of them, and finds them by tag, meta and status", async () => {
    const node = await startAgent(["--dev"]);
    expect((await call(node, "PUT", "/register", WEB)).status).toBe(200);
    expect((await call(node, "PUT", "/register", { ...WEB, id: "2", tags: ["c"], ttl: "1h" })).status).toBe(200);
    const { body } = await call(node, "GET", "/services/web");
    expect(body.instances).toEqual([
      expect.objectContaining({ id: "2", ttl: "1h", tags: ["c"], status: "passing" }),
      expect.objectContaining({ id: "web", ttl: null, tags: ["a", "b"], meta: { zone: "x" }, weight: 1, port: 80 }),
    ]);
    expect((await call(node, "GET", "/services/")).body.services).toEqual([
      { name: "web", instances: 2, passing: 2, tags: ["a", "b", "c"] },
    ]);
    expect((await call(node, "GET", "/services/web?tag=c")).body.instances).toHaveLength(1);
    expect((await call(node, "GET", "/services/web?meta=zone:y")).body.instances).toHaveLength(0);
    const report = { status: "critical", output: "on fire" };
    expect((await call(node, "PUT", "/health/check/service:web:2", report)).status).toBe(200);
    expect((await call(node, "GET", "/services/web?passing")).body.instances).toHaveLength(1);
    expect((await call(node, "GET", "/health/checks")).body.checks).toContainEqual(
      expect.objectContaining({ id: "service:web:2", status: "critical", output: "on fire" }),
    );
    expect((await call(node, "PUT", "/heartbeat/web?id=2")).status).toBe(200);
    expect((await call(node, "GET", "/health/service/web?passing")).body.instances).toHaveLength(2);
    expect((await call(node, "DELETE", "/deregister/web?id=2")).status).toBe(200);
    expect((await call(node, "DELETE", "/deregister/web")).status).toBe(200);
    expect((await call(node, "GET", "/services/web")).status).toBe(404);
  });

  test("answers bad input with the field that is wrong, and loses nothing", async () => {
    const node = await startAgent(["--dev"]);
    const wrong: readonly (readonly [unknown, string])[] = [
      [{ ...WEB, port: 70_000 }, "port"],
      [{ ...WEB, name: "a/b" }, "name"],
      [{ ...WEB, ttl: "soon" }, "ttl"],
      [{ ...WEB, colour: "red" }, "colour"],
      [{ ...WEB, tags: "a" }, "tags"],
      [{ ...WEB, checks: [{ name: "c", http: "http://127.0.0.1" }] }, "checks.http"],
      [{ ...WEB, address: undefined }, "address"],
    ];
    for (const [body, field] of wrong) {
      const answer = await call(node, "PUT", "/register", body);
      expect([answer.status, answer.body.field]).toEqual([400, field]);
    }
    expect((await call(node, "PUT", "/register", "{")).body.error).toBe("invalid_json");
    expect((await call(node, "PUT", "/heartbeat/nobody")).status).toBe(404);
    expect((await call(node, "DELETE", "/deregister/nobody")).status).toBe(404);
    const first = await call(node, "PUT", "/register", { ...WEB, cas: 0 });
    const again = await call(node, "PUT", "/register", { ...WEB, cas: 0 });
    expect([again.status, again.body.error, again.body.modify_index]).toEqual([
      409,
      "cas_conflict",
      first.body.modify_index,
    ]);
  });

  test("wakes a blocking read of a service, and no other", async () => {
    const node = await startAgent(["--dev"]);
    const { body } = await call(node, "PUT", "/register", WEB);
    const index = body.modify_index ?? 0;
    let isAwake = false;
    const watchOther = async (): Promise<void> => {
      await call(node, "GET", `/services/db?index=${index}&wait=2s`);
      isAwake = true;
    };
    const other = watchOther();
    const waiting = call(node, "GET", `/services/web?index=${index}&wait=60s`);
    while (!(await (await fetch(`${node.url}/metrics`)).text()).includes("konsul_watchers 2")) await Bun.sleep(10);
    await call(node, "PUT", "/health/check/service:web", { status: "warning" });
    expect((await waiting).body.instances?.[0]?.status).toBe("warning");
    expect(isAwake).toBe(false);
    await other;
  });

  test("survives SIGKILL, and is used from the command line", async () => {
    const flags = ["--data-dir", join(temporaryFolder(), "data")];
    const node = await startAgent(flags);
    const words = ["service", "register", "web", "--address", "h", "--port", "1", "--tag", "a", "--meta", "k=v"];
    expect((await konsul([...words, "--ttl", "1h"], { url: node.url })).code).toBe(0);
    await node.end("SIGKILL");
    const again = await startAgent(flags);
    const { url } = again;
    expect((await konsul(["service", "heartbeat", "web"], { url })).code).toBe(0);
    expect((await konsul(["service", "list"], { url })).out).toContain("web");
    expect((await konsul(["service", "get", "web", "--tag", "a", "--meta", "k:v"], { url })).out).toContain("passing");
    expect((await konsul(["service", "deregister", "web"], { url })).code).toBe(0);
    expect((await konsul(["service", "get", "web"], { url })).code).toBe(1);
    expect((await konsul(["service", "register", "web"], { url })).code).toBe(2);
  });
});

test("three nodes: registered on one, seen on another, renewed on a third after the leader died, expired at last", async () => {
  const { leader, followers } = await startThreeNodes();
  const [second, third] = followers;
  expect((await call(second, "PUT", "/register", { ...WEB, ttl: "2s", deregister_after: "4s" })).status).toBe(200);
  while ((await statusOf(third, "/services/web")) !== "passing") await Bun.sleep(10);
  await leader.end("SIGKILL");
  for (;;) {
    // The redirect may still lead to the node that died.
    const answer = await call(third, "PUT", "/heartbeat/web").catch(() => undefined);
    if (answer?.status === 200) break;
    expect([undefined, 503, 504]).toContain(answer?.status);
    await Bun.sleep(20);
  }
  expect(await statusOf(third, "/services/web?consistent")).toBe("passing");
  while ((await statusOf(second, "/services/web")) !== "critical") await Bun.sleep(20);
  while ((await call(third, "GET", "/services/web")).status !== 404) await Bun.sleep(20);
});

import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Check {
  readonly id: string;
  readonly status: string;
  readonly output: string;
}

async function checksOf(url: string): Promise<readonly Check[]> {
  const answer: { readonly checks?: readonly Check[] } = Object(await (await fetch(`${url}/health/checks`)).json());
  return answer.checks ?? [];
}

async function untilStatus(url: string, wanted: string): Promise<Check> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await Bun.sleep(50)) {
    const found = (await checksOf(url)).find(({ status, output }) => status === wanted && output !== "not checked yet");
    if (found !== undefined) return found;
  }
  throw new Error(`No check is ${wanted}: ${JSON.stringify(await checksOf(url))}`);
}

async function register(url: string, body: unknown): Promise<Response> {
  return fetch(`${url}/register`, { method: "PUT", body: JSON.stringify(body) });
}

const WEB = { name: "web", address: "127.0.0.1", port: 80 };

describe("checks that the cluster runs", () => {
  test("are refused until networks are named, and then where they lie outside", async () => {
    const off = await startAgent(["--dev"]);
    const refused = await register(off.url, { ...WEB, checks: [{ name: "up", tcp: "127.0.0.1:1" }] });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("checks.allow must name the networks");
    const on = await startAgent(["--dev", "--checks-allow", "127.0.0.0/8"]);
    for (const [check, why] of [
      [{ name: "up", http: "http://169.254.169.254/latest" }, "in no network of checks.allow"],
      [{ name: "up", tcp: "nonsense" }, "HOST:PORT"],
      [{ name: "up" }, "must each have one of http, tcp and ttl"],
      [{ name: "up", tcp: "127.0.0.1:1", http: "http://127.0.0.1" }, "must each have one"],
      [{ name: "a/b", tcp: "127.0.0.1:1" }, "checks.name"],
      [{ name: "up", tcp: "127.0.0.1:1", interval: "1ms" }, "checks.interval"],
      [{ name: "up", tcp: "127.0.0.1:1", timeout: "1h" }, "checks.timeout"],
      [{ name: "up", tcp: "127.0.0.1:1", success_threshold: 0 }, "checks.success_threshold"],
      [{ name: "up", tcp: "127.0.0.1:1", what: 0 }, "is no field of a check"],
    ] as const) {
      const answer = await register(on.url, { ...WEB, checks: [check] });
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(why)]);
    }
    const wrong = await konsul(["agent", "--dev", "--checks-allow", "10.0.0.0/99"]);
    expect(wrong.code).toBe(2);
    expect(wrong.problems).toContain('"10.0.0.0/99" is none');
  });

  test("follow what they watch on every node, and go on when the node that runs them dies", async () => {
    const cluster = await startThreeNodes(["--checks-allow", "127.0.0.0/8"]);
    let isFine = true;
    let askedCount = 0;
    const watched = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        askedCount += 1;
        return new Response("busy", { status: isFine ? 200 : 503 });
      },
    });
    const target = `http://127.0.0.1:${watched.port}/`;
    const flags = ["--address", "127.0.0.1", "--port", "80", "--check-http", target, "--check-interval", "500ms"];
    const made = await konsul(["service", "register", "web", ...flags], { url: cluster.leader.url });
    expect([made.code, made.problems]).toEqual([0, expect.stringContaining("Registered web")]);
    for (const { url } of cluster.nodes) {
      expect(await untilStatus(url, "passing")).toMatchObject({ id: "service:web:web:http" });
    }
    const report = { method: "PUT", body: JSON.stringify({ status: "passing" }) };
    expect((await fetch(`${cluster.leader.url}/health/check/service:web:web:http`, report)).status).toBe(400);
    await cluster.leader.end("SIGKILL");
    isFine = false;
    const others = cluster.nodes.filter((node) => node !== cluster.leader);
    for (const { url } of others) {
      expect((await untilStatus(url, "critical")).output).toStartWith("HTTP 503");
      expect((await fetch(`${url}/services/web?passing`)).status).toBe(200);
    }
    const [other] = others;
    const before = askedCount;
    await Bun.sleep(2000);
    // One node at a time: twice a second, with some room for a busy machine.
    expect(askedCount - before).toBeLessThanOrEqual(6);
    isFine = true;
    expect((await untilStatus(other?.url ?? "", "passing")).output).toStartWith("HTTP 200");
    await watched.stop(true);
  });
});

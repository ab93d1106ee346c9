import { afterAll, describe, expect, test } from "bun:test";
import type { ActiveCheck } from "../fsm/index.ts";
import { AllowedNetworks } from "./allowed-networks.ts";
import { createProbe } from "./probe.ts";

const probe = createProbe(new AllowedNetworks([{ address: "127.0.0.0", bits: 8 }]));

let redirectedTo = 0;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 10,
  fetch: async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/fine") return new Response(`fine,\u001B[31m ${request.headers.get("host") ?? ""}\n`);
    if (pathname === "/busy") return new Response("later", { status: 429 });
    if (pathname === "/broken") return new Response("x".repeat(100_000), { status: 500 });
    if (pathname === "/away") return new Response(null, { status: 302, headers: { location: "/secret" } });
    if (pathname === "/secret") redirectedTo += 1;
    if (pathname === "/slow") await Bun.sleep(2000);
    return new Response("", { status: 404 });
  },
});
afterAll(async () => server.stop(true));

function check(kind: "http" | "tcp", target: string, timeoutMs = 1000): ActiveCheck {
  return { name: "c", kind, target, intervalMs: 1000, timeoutMs, successThreshold: 1, failureThreshold: 1 };
}

const url = `http://127.0.0.1:${server.port}`;

describe("a check that runs once", () => {
  test("over HTTP passes with 2xx, warns with 429, and is critical with the rest", async () => {
    expect(await probe(check("http", `${url}/fine`))).toEqual({
      status: "passing",
      output: `HTTP 200 OK: fine, [31m 127.0.0.1:${server.port}`,
    });
    expect(await probe(check("http", `${url}/busy`))).toMatchObject({ status: "warning" });
    expect(await probe(check("http", `${url}/nothing`))).toMatchObject({ status: "critical" });
  });

  test("keeps little of the answer, and follows no redirect", async () => {
    const { status, output } = await probe(check("http", `${url}/broken`));
    expect(status).toBe("critical");
    expect(output.length).toBeLessThan(400);
    expect(await probe(check("http", `${url}/away`))).toMatchObject({ status: "critical" });
    expect(redirectedTo).toBe(0);
  });

  test("is critical when no answer comes in time", async () => {
    expect(await probe(check("http", `${url}/slow`, 100))).toEqual({
      status: "critical",
      output: "no answer within 100 ms",
    });
  });

  test("over TCP passes when somebody listens", async () => {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const target = `localhost:${listener.port}`;
    expect(await probe(check("tcp", target))).toMatchObject({ status: "passing" });
    listener.stop(true);
    expect(await probe(check("tcp", target))).toMatchObject({ status: "critical" });
  });

  test("connects nowhere else, whatever a name means", async () => {
    const narrow = createProbe(new AllowedNetworks([{ address: "10.0.0.0", bits: 8 }]));
    for (const one of [
      check("http", `http://localhost:${server.port}/fine`),
      check("tcp", `localhost:${server.port}`),
    ]) {
      const { status, output } = await narrow(one);
      expect(status).toBe("critical");
      expect(output).toContain("in no network of checks.allow");
    }
    expect(await probe(check("tcp", "no-such-host.invalid:1"))).toMatchObject({
      status: "critical",
      output: "no-such-host.invalid has no address",
    });
  });
});

import { afterEach, expect, test } from "bun:test";
import { cleanUp, startAgent } from "./agent-process.ts";

afterEach(cleanUp);

test("a client that asks too often gets 429 with when to come back; probes are always answered", async () => {
  const { url } = await startAgent(["--dev", "--http-rate-limit", "1"]);
  const statuses = new Map<number, number>();
  let refused: Response | undefined;
  let refusedAlike = 0;
  for (let i = 0; i < 60; i += 1) {
    const answer = await fetch(`${url}/kv/?keys`);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status === 429) refused = answer;
    if ((await fetch(`${url}/kv/health/live?x=/health/live`)).status === 429) refusedAlike += 1;
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  }
  expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([200, 429]);
  // What only looks like a probe is refused as all others are, but for the one in a second that may pass.
  expect(refusedAlike).toBeGreaterThan(0);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  const body: { readonly error?: string; readonly request_id?: string } = Object(await refused?.json());
  expect([body.error, body.request_id]).toEqual(["rate_limited", refused?.headers.get("x-request-id") ?? ""]);
});

test("pages of named origins may use the API, others may not", async () => {
  const { url } = await startAgent(["--dev", "--http-cors-origins", "https://a.example,https://b.example"]);
  const from = async (origin: string, more: RequestInit = {}): Promise<Response> =>
    fetch(`${url}/kv/k`, { ...more, headers: { Origin: origin, "Access-Control-Request-Method": "PUT" } });
  const asked = await from("https://a.example", { method: "OPTIONS" });
  expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, "https://a.example"]);
  expect(asked.headers.get("access-control-allow-headers")).toContain("X-Konsul-Token");
  const put = await from("https://b.example", { method: "PUT", body: "1" });
  expect([put.status, put.headers.get("access-control-allow-origin"), put.headers.get("vary")]).toEqual([
    200,
    "https://b.example",
    "Origin",
  ]);
  const missing = await fetch(`${url}/kv/none`, { headers: { Origin: "https://a.example" } });
  expect([missing.status, missing.headers.get("access-control-allow-origin")]).toEqual([404, "https://a.example"]);
  const other = await from("https://evil.example", { method: "OPTIONS" });
  expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([405, null]);
  const off = await startAgent(["--dev"]);
  const answer = await fetch(`${off.url}/kv/none`, { headers: { Origin: "https://a.example" } });
  expect(answer.headers.get("access-control-allow-origin")).toBeNull();
});

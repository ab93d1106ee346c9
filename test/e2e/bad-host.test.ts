import { afterEach, expect, test } from "bun:test";
import { createStartingApp, startHttpServer, WAITING_FOR_CLUSTER } from "../../src/http/index.ts";
import { cleanUp, startAgent } from "./agent-process.ts";
import { rawRequest, type RawAnswer } from "./raw-request.ts";

afterEach(cleanUp);

/** With the first ones the runtime gives no more than the target; the others make a URL that cannot be parsed. */
const BAD_HOSTS = ["a b", "", "a/b", "a?b", "u@a", "[", "a:99999", "a%20b", ":80"];

/** Paths of several lengths; the end of the second is a path that everybody may ask for. */
const PATHS = ["/kv/abcdefghijk", "/secrets/health/live", "/kv/k", "/health/live", "/"];

function expectRefused({ status, headers, body }: RawAnswer, request: string): void {
  expect(status, request).toBe(400);
  expect(headers.get("content-type"), request).toStartWith("application/json");
  expect(JSON.parse(body), request).toMatchObject({
    error: "bad_request",
    field: "Host",
    request_id: headers.get("x-request-id"),
  });
}

test("a request with a host that is none is refused, and no other path answers it", async () => {
  const { url, log } = await startAgent(["--dev"]);
  for (const host of BAD_HOSTS) {
    for (const path of PATHS) {
      const answer = await rawRequest(url, [`GET ${path} HTTP/1.1`, `Host: ${host}`]);
      expectRefused(answer, `${host} ${path}`);
      expect(answer.headers.get("x-konsul-index")).toMatch(/^\d+$/);
      expect(answer.headers.get("x-konsul-known-leader")).toBe("true");
      expect(answer.headers.get("x-konsul-last-contact")).toMatch(/^\d+$/);
    }
  }
  expect((await rawRequest(url, ["GET /kv/abcdefghijk HTTP/1.0"])).status).toBe(404);
  expect((await rawRequest(url, ["GET /health/live HTTP/1.0"])).status).toBe(200);
  const body = ["PUT /kv/written HTTP/1.0", "Content-Length: 0"];
  expect((await rawRequest(url, body)).status).toBe(200);
  expect((await rawRequest(url, ["GET /kv/written HTTP/1.0"])).status).toBe(200);
  const put = ["PUT /kv/abcdefghijk HTTP/1.1", "Host: a b", "Content-Length: 0"];
  expectRefused(await rawRequest(url, put), "PUT");
  expect((await rawRequest(url, ["GET /kv/abcdefghijk HTTP/1.1", "Host: a"])).status).toBe(404);
  expect((await rawRequest(url, ["GET /health/live HTTP/1.1", "Host: a"])).status).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  // The one that asks.
  expect(metrics).toMatch(/^konsul_http_requests_in_flight 1$/m);
  expect(metrics).toMatch(/^konsul_http_requests_total\{method="PUT",route="\/\*",status="400"\} 1$/m);
  expect(log()).not.toContain("unexpected");
});

test("a request with a host that is none passes CORS and the rate limit like any other, and is no probe", async () => {
  const flags = ["--http-rate-limit", "20", "--http-cors-origins", "https://a.example"];
  const { url } = await startAgent(["--dev", ...flags]);
  const origin = "Origin: https://a.example";
  const answer = await rawRequest(url, ["GET /secrets/health/live HTTP/1.1", "Host: a b", origin]);
  expectRefused(answer, "GET");
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://a.example");
  const asking = "Access-Control-Request-Method: PUT";
  expectRefused(await rawRequest(url, ["OPTIONS /kv/k HTTP/1.1", "Host: [", origin, asking]), "OPTIONS");
  const statuses = new Set<number>();
  for (let i = 0; i < 60; i += 1) {
    statuses.add((await rawRequest(url, ["GET /health/live HTTP/1.1", "Host: a b"])).status);
  }
  expect(statuses).toEqual(new Set([400, 429]));
});

test("a node that waits for a cluster refuses a host that is none", async () => {
  const waiting = createStartingApp(() => WAITING_FOR_CLUSTER);
  const server = startHttpServer(waiting, { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  for (const host of BAD_HOSTS) {
    for (const path of PATHS) {
      expectRefused(await rawRequest(url, [`GET ${path} HTTP/1.1`, `Host: ${host}`]), `${host} ${path}`);
    }
  }
  expect((await rawRequest(url, ["GET /health/live HTTP/1.1", "Host: a"])).status).toBe(200);
  await server.stop(true);
});

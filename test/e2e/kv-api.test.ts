import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PATHS } from "../../src/http/index.ts";
import { cleanUp, startAgent, type AgentProcess } from "./agent-process.ts";
import { rawRequest } from "./raw-request.ts";

let agent: AgentProcess;

beforeAll(async () => {
  agent = await startAgent(["--dev", "--limit-max-recursive-delete", "5", "--limit-max-watchers", "20"]);
});
afterAll(cleanUp);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const answer = await fetch(`${agent.url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    headers: { ...(body === undefined || isRaw ? {} : { "content-type": "application/json" }), ...headers },
  });
  const text = await answer.text();
  let parsed: unknown = {};
  try {
    parsed = JSON.parse(text);
  } catch {
    // Raw bytes.
  }
  return { status: answer.status, headers: answer.headers, text, body: Object(parsed) };
}

async function expectError(code: string, status: number, answer: Promise<Answer>): Promise<Answer> {
  const { body, ...rest } = await answer;
  expect([rest.status, body["error"], typeof body["message"]]).toEqual([status, code, "string"]);
  expect(body["request_id"]).toBe(rest.headers.get("x-request-id"));
  return { body, ...rest };
}

/** Keys whose path is odd for one reason or the other. */
const TEXTS = ["plain", "a/b", "a//b/", "txn", "txn/", "é", "a?b", "a#b", "a%b", "a b", "a+b", "...", "!$&'()*,;=:@~"];

function pathsOf(text: string): { readonly path: string; readonly byQuery: string } {
  const encoded = encodeURIComponent(text);
  return { path: `/kv/${encoded.replaceAll("%2F", "/")}`, byQuery: `/kv?key=${encoded}` };
}

/** What an answer has in common with that to the same request by another way. */
function shown({ status, headers, body }: Answer): unknown {
  const { request_id: _, ...fields } = body;
  const { date: __, "x-request-id": ___, ...others } = Object.fromEntries(headers);
  return [status, fields, others];
}

/** Requests of single keys so far, in every metric that counts them. */
async function counted(method: string, operation: string): Promise<readonly number[]> {
  const { text } = await call("GET", "/metrics");
  return [
    `konsul_http_requests_total{method="${method}",route="/kv/*",status="200"}`,
    `konsul_http_request_duration_seconds_count{method="${method}",route="/kv/*"}`,
    `konsul_kv_operations_total{operation="${operation}"}`,
  ].map((series) => {
    const line = text.split("\n").find((one) => one.startsWith(series));
    return Number(line?.split(" ").at(-1) ?? 0);
  });
}

describe("a plain read", () => {
  test.each(TEXTS)("of the key %s gives what the long way gives", async (text) => {
    const { path, byQuery } = pathsOf(text);
    for (const value of [new TextEncoder().encode("text"), new Uint8Array([0xff, 0])]) {
      expect((await call("PUT", path, value)).status).toBe(200);
      const long = await call("GET", byQuery);
      expect(long).toMatchObject({ status: 200, body: { key: text } });
      expect(shown(await call("GET", path))).toEqual(shown(long));
    }
    expect((await call("DELETE", path)).status).toBe(200);
    expect(shown(await call("GET", path))).toEqual(shown(await call("GET", byQuery)));
    expect((await call("GET", path)).body).toMatchObject({ error: "not_found", key: text });
  });

  test("looks for its key before a fragment, which no client should send", async () => {
    const statusOf = async (target: string): Promise<number> =>
      (await rawRequest(agent.url, [`GET ${target} HTTP/1.1`, "Host: localhost"])).status;
    await call("PUT", "/kv/fragment", "v");
    await call("PUT", "/kv/txn", "v");
    expect(await statusOf("/kv/fragment#b")).toBe(200);
    expect(await statusOf("/kv/txn#b")).toBe(200);
    expect(await statusOf("/kv/#b")).toBe(400);
    expect(await statusOf("/kv/absent#b")).toBe(404);
  });

  test("takes the client's request id, and counts under its route", async () => {
    await call("PUT", "/kv/counted", "v");
    const before = await counted("GET", "get");
    for (let read = 0; read < 5; read += 1) {
      const { headers } = await call("GET", "/kv/counted", undefined, { "x-request-id": `read-${read}` });
      expect(headers.get("x-request-id")).toBe(`read-${read}`);
    }
    expect(
      (await call("GET", "/kv/counted", undefined, { "x-request-id": "a b" })).headers.get("x-request-id"),
    ).toMatch(/^[\da-f-]{36}$/);
    expect(await counted("GET", "get")).toEqual(before.map((count) => count + 6));
  });
});

describe("a plain write", () => {
  test.each(TEXTS)("of the key %s gives what the long way gives", async (text) => {
    const { path, byQuery } = pathsOf(text);
    for (const value of [new TextEncoder().encode("text"), new Uint8Array([0xff, 0]), new Uint8Array()]) {
      // Each write has an index of its own.
      const [first, second] = [await call("PUT", byQuery, value), await call("PUT", path, value)];
      expect(first).toMatchObject({ status: 200, body: { message: "Stored", key: text } });
      const index = Number(first.body["modify_index"]);
      const headers = new Headers(second.headers);
      for (const name of ["x-konsul-index", "content-length"]) headers.set(name, first.headers.get(name) ?? "");
      expect(shown({ ...second, body: { ...second.body, modify_index: index }, headers })).toEqual(shown(first));
      expect(second.body["modify_index"]).toBe(index + 1);
      const read = await fetch(`${agent.url}${path}?raw`);
      expect(new Uint8Array(await read.arrayBuffer())).toEqual(value);
    }
  });

  test("is refused as the long way refuses it, and changes nothing", async () => {
    const tooLarge = new Uint8Array(512 * 1024 + 1);
    expect(shown(await call("PUT", "/kv/refused", tooLarge))).toEqual(
      shown(await call("PUT", "/kv?key=refused", tooLarge)),
    );
    await expectError("too_large", 413, call("PUT", "/kv/refused", tooLarge));
    await expectError("not_found", 404, call("GET", "/kv/refused"));
  });

  test("that says more about itself is understood", async () => {
    const once = { "idempotency-key": "plain-or-not" };
    const first = await call("PUT", "/kv/once", "1", once);
    await call("PUT", "/kv/once", "2");
    expect((await call("PUT", "/kv/once", "1", once)).body["modify_index"]).toBe(first.body["modify_index"]);
    expect((await call("GET", "/kv/once")).body["value"]).toBe("2");
    const chunked = new Response("3").body?.pipeThrough(new TransformStream());
    expect((await fetch(`${agent.url}/kv/once`, { method: "PUT", body: chunked })).status).toBe(200);
    expect((await call("GET", "/kv/once")).body["value"]).toBe("3");
  });

  test("takes the client's request id, and counts under its route", async () => {
    const before = await counted("PUT", "put");
    for (let write = 0; write < 5; write += 1) {
      const { headers } = await call("PUT", "/kv/counted", "v", { "x-request-id": `write-${write}` });
      expect(headers.get("x-request-id")).toBe(`write-${write}`);
    }
    expect(await counted("PUT", "put")).toEqual(before.map((count) => count + 5));
    // The scrape itself is under way.
    expect((await call("GET", "/metrics")).text).toContain("\nkonsul_http_requests_in_flight 1\n");
  });
});

describe("PUT and GET /kv/{key}", () => {
  test("text, bytes, flags and indexes come back as they were sent", async () => {
    const put = await call("PUT", "/kv/a", { value: "über", flags: 7 });
    expect(put.body).toMatchObject({ key: "a" });
    const get = await call("GET", "/kv/a");
    expect(get.body).toEqual({
      key: "a",
      value: "über",
      flags: 7,
      modify_index: put.body["modify_index"],
      create_index: put.body["modify_index"],
    });
    await call("PUT", "/kv/a", { value_base64: "/wA=" });
    expect((await call("GET", "/kv/a")).body).toMatchObject({
      value_base64: "/wA=",
      create_index: put.body["modify_index"],
    });
    await call("PUT", "/kv/a?flags=3", "raw");
    const raw = await call("GET", "/kv/a?raw");
    expect([raw.text, raw.headers.get("content-type")]).toEqual(["raw", "application/octet-stream"]);
  });

  test("flags are 64 bits, exact in both directions, as number and as text", async () => {
    for (const flags of ["18446744073709551615", '"18446744073709551615"', "9007199254740993"]) {
      const answer = await fetch(`${agent.url}/kv/flags`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: `{"value":"","flags":${flags}}`,
      });
      expect(answer.status).toBe(200);
      expect((await call("GET", "/kv/flags")).text).toContain(`"flags":${flags.replaceAll('"', "")}`);
    }
    for (const flags of ["18446744073709551616", "-1", "1.5", "true", '"x"']) {
      await expectError(
        "bad_request",
        400,
        call("PUT", "/kv/flags", `{"value":"","flags":${flags}}`, { "content-type": "application/json" }),
      );
    }
  });

  test("compare-and-set holds for present and absent keys", async () => {
    const { body } = await call("PUT", "/kv/cas?cas=0", "1");
    const conflict = await expectError("cas_conflict", 409, call("PUT", "/kv/cas?cas=0", "2"));
    expect(conflict.body["modify_index"]).toBe(body["modify_index"]);
    expect((await call("PUT", "/kv/cas", { value: "3", cas: body["modify_index"] })).status).toBe(200);
    await expectError("cas_conflict", 409, call("DELETE", `/kv/cas?cas=${String(body["modify_index"])}`));
    expect((await call("GET", "/kv/cas?raw")).text).toBe("3");
  });

  test("keys with any characters are the very keys that are stored", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["/kv/a/b", "a/b"],
      ["/kv/a%2Fc", "a/c"],
      ["/kv/a%20b", "a b"],
      ["/kv/a+b", "a+b"],
      ["/kv/%F0%9F%98%80", "😀"],
      ["/kv/%252F", "%2F"],
      ["/kv?key=..%2Fx", "../x"],
      ["/kv?key=a%20b%2Bc", "a b+c"],
      ["/kv//", "/"],
      ["/kv/txn", "txn"],
    ];
    for (const [path, key] of cases) {
      expect([path, (await call("PUT", path, key)).body["key"]]).toEqual([path, key]);
      expect((await call("GET", `/kv?raw&key=${encodeURIComponent(key)}`)).text).toBe(key);
    }
    for (const path of ["/kv/%FF", "/kv/%00", "/kv/%zz", `/kv/${"k".repeat(1025)}`, "/kv?key="])
      await expectError("invalid_key", 400, call("PUT", path, "x"));
  });

  test("a host name of two letters finds the same routes", async () => {
    const port = new URL(agent.url).port;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(port),
      socket: { data: (one, bytes) => void one.data.push(bytes.toString()) },
      data: [] as string[],
    });
    socket.write("GET /health/live HTTP/1.1\r\nHost: kv\r\nConnection: close\r\n\r\n");
    while (!socket.data.join("").includes("live")) await Bun.sleep(2);
    expect(socket.data.join("")).toStartWith("HTTP/1.1 200");
    socket.end();
  });

  test("bad bodies are refused by name and change nothing", async () => {
    const json = { "content-type": "application/json" };
    await expectError("invalid_json", 400, call("PUT", "/kv/bad", "{", json));
    for (const body of [
      "[]",
      "1",
      "{}",
      '{"value":1}',
      '{"value":"a","value_base64":"YQ=="}',
      '{"value_base64":"?"}',
      '{"value":"a","nope":1}',
      '{"value":"a","cas":-1}',
      '{"value":"\\ud800"}',
    ]) {
      await expectError("bad_request", 400, call("PUT", "/kv/bad", body, json));
    }
    await expectError("bad_request", 400, call("PUT", "/kv/bad?nope=1", "x"));
    await expectError("bad_request", 400, call("PUT", "/kv/bad?cas=x", "x"));
    await expectError("too_large", 413, call("PUT", "/kv/bad", new Uint8Array(512 * 1024 + 1)));
    await expectError(
      "too_large",
      413,
      call("PUT", "/kv/bad", { value_base64: Buffer.alloc(512 * 1024 + 1).toString("base64") }),
    );
    await expectError("not_found", 404, call("GET", "/kv/bad"));
    expect((await call("PUT", "/kv/exact", { value_base64: Buffer.alloc(512 * 1024).toString("base64") })).status).toBe(
      200,
    );
  });
});

describe("lists and recursive deletes", () => {
  test("pages follow each other in byte order without a gap", async () => {
    const keys = ["list/a", "list/b", "list/ä", "list/😀", "list/Z"];
    for (const key of keys) await call("PUT", `/kv?key=${encodeURIComponent(key)}`, key);
    const found: unknown[] = [];
    let after = "";
    for (;;) {
      const { body } = await call(
        "GET",
        `/kv/?prefix=list/&keys&limit=2${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`,
      );
      found.push(...(Array.isArray(body["keys"]) ? body["keys"] : []));
      if (typeof body["next"] !== "string") break;
      after = body["next"];
    }
    expect(found).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    const { body } = await call("GET", "/kv/?prefix=list/&limit=1");
    expect(body).toMatchObject({ entries: [{ key: "list/Z", value: "list/Z" }], next: "list/Z" });
  });

  test("a recursive delete above the limit deletes nothing, and ?limit= deletes in slices", async () => {
    for (let at = 0; at < 8; at += 1) await call("PUT", `/kv/tree/${at}`, "x");
    const refused = await expectError("too_large", 413, call("DELETE", "/kv/tree/?recurse"));
    expect(refused.body["count"]).toBe(8);
    expect((await call("DELETE", "/kv/tree/?recurse&limit=5")).body).toMatchObject({ deleted: 5, more: true });
    expect((await call("DELETE", "/kv/tree/?recurse")).body).toMatchObject({ deleted: 3, more: false });
    await expectError("not_found", 404, call("DELETE", "/kv/tree/1"));
  });
});

describe("blocking reads", () => {
  test("a change of the key wakes, a change beside it does not", async () => {
    await call("PUT", "/kv/block", "1");
    const { headers } = await call("GET", "/kv/block");
    const index = headers.get("x-konsul-index") ?? "";
    let isAwake = false;
    const waiting = (async () => {
      const answer = await call("GET", `/kv/block?index=${index}&wait=1m&raw`);
      isAwake = true;
      return answer;
    })();
    await call("PUT", "/kv/blockade", "x");
    expect(isAwake).toBe(false);
    await call("PUT", "/kv/block", "2");
    expect((await waiting).text).toBe("2");
  });

  test("deletes wake too, what changed already is not waited for, and the wait ends", async () => {
    await call("PUT", "/kv/gone/x", "1");
    const { headers } = await call("GET", "/kv/gone/x");
    const index = headers.get("x-konsul-index") ?? "";
    const waiting = call("GET", `/kv/?prefix=gone/&keys&index=${index}&wait=1m`);
    await call("DELETE", "/kv/gone/x");
    expect((await waiting).body).toEqual({ keys: [] });
    expect((await call("GET", `/kv/?prefix=gone/&keys&index=${index}&wait=1m`)).body).toEqual({ keys: [] });
    const late = await call("GET", "/kv/gone/x?index=999999999&wait=10ms");
    expect(late.status).toBe(404);
  });

  test("min_index waits for this node, and too many waiters are refused", async () => {
    const { body } = await call("PUT", "/kv/min", "1");
    expect((await call("GET", `/kv/min?min_index=${String(body["modify_index"])}&raw`)).text).toBe("1");
    const abort = new AbortController();
    const waiting = Array.from({ length: 20 }, async () =>
      fetch(`${agent.url}/kv/min?index=999999999&wait=1m`, { signal: abort.signal }).catch(() => undefined),
    );
    let refused = await call("GET", "/kv/min?index=999999999&wait=1ms");
    while (refused.status === 200) refused = await call("GET", "/kv/min?index=999999999&wait=1ms");
    expect(refused.body["error"]).toBe("overloaded");
    abort.abort();
    await Promise.all(waiting);
    while ((await call("GET", "/kv/min?index=999999999&wait=1ms")).status !== 200) await Bun.sleep(2);
  });
});

describe("POST /kv/txn", () => {
  test("does all or nothing", async () => {
    const done = await call("POST", "/kv/txn", {
      operations: [
        { op: "set", key: "t/1", value: "1", flags: 5 },
        { op: "get", key: "t/1" },
        { op: "check-index", key: "t/none", index: 0 },
      ],
    });
    expect(done.body).toMatchObject({
      results: [
        { op: "set", key: "t/1" },
        { op: "get", key: "t/1", value: "1", flags: 5 },
        { op: "check-index", key: "t/none" },
      ],
    });
    const failed = await expectError(
      "conflict",
      409,
      call("POST", "/kv/txn", {
        operations: [
          { op: "set", key: "t/2", value: "2" },
          { op: "check-index", key: "t/1", index: 1 },
          { op: "get", key: "t/none" },
        ],
      }),
    );
    expect(failed.body["errors"]).toMatchObject([
      { operation: 1, error: "cas_conflict" },
      { operation: 2, error: "not_found" },
    ]);
    await expectError("not_found", 404, call("GET", "/kv/t/2"));
  });

  test("bad transactions are refused by place", async () => {
    await expectError("unsupported_media_type", 415, call("POST", "/kv/txn", "x"));
    for (const operations of [
      [],
      [{}],
      [{ op: "set", key: "a" }],
      [{ op: "set", key: "a", value: "1", cas: 0 }],
      [{ op: "nope", key: "a" }],
      [{ op: "check-index", key: "a", index: "1" }],
      [1],
    ]) {
      await expectError("bad_request", 400, call("POST", "/kv/txn", { operations }));
    }
    await expectError(
      "too_large",
      413,
      call("POST", "/kv/txn", { operations: Array.from({ length: 129 }, () => ({ op: "get", key: "a" })) }),
    );
  });
});

describe("every answer", () => {
  test("carries its id and where the state stands", async () => {
    const { headers } = await call("GET", "/kv/none", undefined, { "x-request-id": "mine-1" });
    expect(headers.get("x-request-id")).toBe("mine-1");
    expect(Number(headers.get("x-konsul-index"))).toBeGreaterThan(1);
    expect([headers.get("x-konsul-known-leader"), headers.get("x-konsul-last-contact")]).toEqual(["true", "0"]);
    const { headers: other } = await call("GET", "/kv/none", undefined, { "x-request-id": "a b\u00e9" });
    expect(other.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("of an unknown route or method says so", async () => {
    await expectError("not_found", 404, call("GET", "/nope"));
    const { headers } = await expectError("method_not_allowed", 405, call("POST", "/kv/a", "x"));
    expect(headers.get("allow")).toBe("GET, PUT, DELETE");
    await expectError("method_not_allowed", 405, call("DELETE", "/cluster/status"));
  });

  test("a linearizable read sees every write before it", async () => {
    for (let at = 0; at < 50; at += 1) {
      await call("PUT", "/kv/linear", String(at));
      expect((await call("GET", "/kv/linear?consistent&raw")).text).toBe(String(at));
    }
  });
});

describe("operating routes", () => {
  test("health, metrics and the cluster have their shapes", async () => {
    expect((await call("GET", "/health")).body).toMatchObject({
      status: "healthy",
      checks: { leader: { status: "pass" } },
    });
    expect((await call("GET", "/health/ready")).status).toBe(200);
    const { text } = await call("GET", "/metrics");
    for (const name of [
      "konsul_raft_state 1",
      "konsul_raft_fsync_duration_seconds_count",
      "konsul_http_requests_total{",
      "konsul_kv_keys ",
    ])
      expect(text).toContain(name);
    expect((await call("GET", "/cluster/status")).body).toMatchObject({
      state: "healthy",
      quorum: 1,
      voters: 1,
      failure_tolerance: 0,
    });
    expect((await call("GET", "/cluster/leader")).body).toMatchObject({ term: 2 });
    expect((await call("GET", "/cluster/config")).body).toMatchObject({ outgoing: [], cluster_version: 1 });
    const snapshot = await call("POST", "/cluster/snapshot");
    expect(snapshot.body).toMatchObject({ term: 2 });
    await expectError("conflict", 409, call("POST", "/cluster/transfer"));
  });

  test("the API's document names every path, and its page needs nothing from outside", async () => {
    const { body } = await call("GET", "/swagger/json");
    expect(Object.keys(Object(body["paths"]))).toEqual(Object.keys(PATHS));
    const { text } = await call("GET", "/swagger");
    for (const [, path = ""] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(path).toStartWith("/");
      expect((await call("GET", path)).status).toBe(200);
    }
    expect((await call("GET", "/swagger/nope")).status).toBe(404);
  });
});

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, KONSUL, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Answer {
  readonly status: number;
  readonly body: {
    readonly id?: string;
    readonly error?: string;
    readonly field?: string;
    readonly message?: string;
    readonly session?: string | null;
    readonly retry_after_ms?: number;
    readonly lock_index?: number;
    readonly ttl?: string | null;
    readonly lock_delay?: string;
    readonly locks?: number;
    readonly keys?: readonly string[];
    readonly sessions?: readonly { readonly id: string }[];
    readonly value?: string;
  };
}

async function call(node: AgentProcess, method: string, path: string, body?: unknown): Promise<Answer> {
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const answer = await fetch(`${node.url}${path}`, { method, ...sent });
  const fields: Answer["body"] = Object(await answer.json());
  return { status: answer.status, body: fields };
}

async function open(node: AgentProcess, terms: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { status, body } = await call(node, "POST", "/sessions", { ttl: "1h", lock_delay: "0s", ...terms });
  expect(status).toBe(200);
  return body.id ?? "";
}

describe("locks of one node", () => {
  test("have one holder, and a token that rises with every holder", async () => {
    const node = await startAgent(["--dev"]);
    const [a, b] = [await open(node), await open(node)];
    const first = await call(node, "PUT", `/kv/k?acquire=${a}`, "from a");
    expect(first.status).toBe(200);
    const refused = await call(node, "PUT", `/kv/k?acquire=${b}`, "from b");
    expect([refused.status, refused.body.error, refused.body.session]).toEqual([409, "lock_held", a]);
    const held = await call(node, "GET", "/kv/k");
    expect(held.body).toMatchObject({ value: "from a", session: a, lock_index: first.body.lock_index });
    expect((await call(node, "GET", `/sessions/${a}`)).body).toMatchObject({
      keys: ["k"],
      ttl: "1h",
      lock_delay: "0ms",
    });
    expect((await call(node, "PUT", `/kv/k?release=${b}`)).body.error).toBe("lock_held");
    expect((await call(node, "PUT", `/kv/k?release=${a}`, "free")).status).toBe(200);
    expect((await call(node, "PUT", `/kv/k?release=${a}`)).body).toMatchObject({ error: "lock_held", session: null });
    const second = await call(node, "PUT", `/kv/k?acquire=${b}`, "from b");
    expect(second.body.lock_index).toBeGreaterThan(first.body.lock_index ?? Infinity);
    expect((await call(node, "DELETE", `/sessions/${b}`)).body.locks).toBe(1);
    expect((await call(node, "GET", "/kv/k")).body.session).toBeUndefined();
    expect((await call(node, "GET", "/sessions")).body.sessions).toEqual([expect.objectContaining({ id: a })]);
  });

  test("are not given to anybody for the lock delay after a holder ended", async () => {
    const node = await startAgent(["--dev"]);
    const [a, b] = [await open(node, { lock_delay: "1500ms" }), await open(node)];
    await call(node, "PUT", `/kv/k?acquire=${a}`, "a");
    await call(node, "DELETE", `/sessions/${a}`);
    const delayed = await call(node, "PUT", `/kv/k?acquire=${b}`, "b");
    expect(delayed.body).toMatchObject({ error: "lock_held", session: null });
    expect(delayed.body.retry_after_ms).toBeGreaterThan(0);
    while ((await call(node, "PUT", `/kv/k?acquire=${b}`, "b")).status !== 200) await Bun.sleep(50);
  });

  test("answer bad input with the field that is wrong", async () => {
    const node = await startAgent(["--dev"]);
    const wrong: readonly (readonly [unknown, string])[] = [
      [{}, "ttl"],
      [{ ttl: "10ms" }, "ttl"],
      [{ ttl: "soon" }, "ttl"],
      [{ ttl: "10s", behavior: "explode" }, "behavior"],
      [{ ttl: "10s", lock_delay: "2m" }, "lock_delay"],
      [{ ttl: "10s", colour: "red" }, "colour"],
      [[], "body"],
    ];
    for (const [body, field] of wrong) {
      const answer = await call(node, "POST", "/sessions", body);
      expect([answer.status, answer.body.field]).toEqual([400, field]);
    }
    const id = await open(node);
    for (const [query, field] of [
      [`acquire=${id}&release=${id}`, "release"],
      [`acquire=${id}&cas=0`, "cas"],
      ["acquire=a%20b", "acquire"],
    ] as const) {
      expect((await call(node, "PUT", `/kv/k?${query}`, "x")).body.field).toBe(field);
    }
    for (const [method, path] of [
      ["PUT", "/kv/k?acquire=nobody"],
      ["GET", "/sessions/nobody"],
      ["PUT", "/sessions/nobody/renew"],
      ["DELETE", "/sessions/a%2Fb"],
    ] as const) {
      expect((await call(node, method, path, method === "PUT" ? "" : undefined)).status).toBe(404);
    }
    expect((await call(node, "GET", "/kv/k")).status).toBe(404);
  });

  test("a session that nobody renews ends, and one that is renewed does not", async () => {
    const node = await startAgent(["--dev"]);
    const [kept, left] = [await open(node, { ttl: "1s" }), await open(node, { ttl: "1s", behavior: "delete" })];
    await call(node, "PUT", `/kv/k?acquire=${left}`, "x");
    while ((await call(node, "GET", `/sessions/${left}`)).status === 200) {
      expect((await call(node, "PUT", `/sessions/${kept}/renew`)).status).toBe(200);
      await Bun.sleep(50);
    }
    expect((await call(node, "GET", "/kv/k")).status).toBe(404);
    expect((await call(node, "GET", `/sessions/${kept}`)).status).toBe(200);
  });
});

describe("konsul lock", () => {
  test("runs commands one at a time, gives back their codes, and frees the lock at once", async () => {
    const node = await startAgent(["--dev"]);
    const { url } = node;
    const file = join(temporaryFolder(), "tokens");
    const script = `echo start >> ${file}; sleep 0.1; echo $KONSUL_LOCK_INDEX >> ${file}; exit 7`;
    const runs = await Promise.all(
      Array.from({ length: 4 }, async () => konsul(["lock", "k", "--", "sh", "-c", script], { url })),
    );
    expect(runs.map(({ code }) => code)).toEqual([7, 7, 7, 7]);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.filter((_, at) => at % 2 === 0)).toEqual(["start", "start", "start", "start"]);
    const tokens = lines.filter((_, at) => at % 2 === 1).map(Number);
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
    expect(new Set(tokens).size).toBe(4);
    expect((await call(node, "GET", "/sessions")).body.sessions).toEqual([]);
    expect((await konsul(["lock", "k", "--", "no-such-program"], { url })).code).toBe(127);
    expect((await konsul(["lock", "k"], { url })).code).toBe(2);
    const holder = await open(node);
    await call(node, "PUT", `/kv/k?acquire=${holder}`, "");
    const late = await konsul(["lock", "k", "--wait", "300ms", "--", "true"], { url });
    expect([late.code, late.problems]).toEqual([1, expect.stringContaining("not free in time")]);
  });

  test("stops its command when the lock is taken away", async () => {
    const node = await startAgent(["--dev"]);
    const file = join(temporaryFolder(), "started");
    const running = konsul(["lock", "k", "--", "sh", "-c", `touch ${file}; exec sleep 60`], { url: node.url });
    while (!existsSync(file)) await Bun.sleep(20);
    const { body } = await call(node, "GET", "/kv/k");
    await call(node, "DELETE", `/sessions/${body.session}`);
    const { code, problems } = await running;
    expect([code, problems]).toEqual([1, expect.stringContaining("is lost")]);
  });

  test("stops its command within the TTL when the agent is gone", async () => {
    const node = await startAgent(["--dev"]);
    const file = join(temporaryFolder(), "started");
    const command = ["lock", "k", "--ttl", "1s", "--timeout", "1s", "--", "sh", "-c", `touch ${file}; exec sleep 60`];
    const running = konsul(command, { url: node.url });
    while (!existsSync(file)) await Bun.sleep(20);
    await node.end("SIGKILL");
    const { code, problems } = await running;
    expect([code, problems]).toEqual([1, expect.stringContaining("could not be renewed")]);
  });
});

test("three nodes: a holder that dies loses its lock to one that waits on a follower, and keeps it over a dead leader", async () => {
  const { leader, followers } = await startThreeNodes();
  const [near, far] = followers;
  const holder = await open(near, { ttl: "3s", lock_delay: "500ms" });
  const token = (await call(near, "PUT", `/kv/k?acquire=${holder}`, "holder")).body.lock_index ?? Infinity;
  await leader.end("SIGKILL");
  // The new leader gives the full TTL again, and takes renewals at either node.
  const renew = async (): Promise<boolean> => {
    // Until a new leader is known, a redirect may still lead to the dead one.
    const answer = await call(far, "PUT", `/sessions/${holder}/renew`).catch(() => undefined);
    return answer?.status === 200;
  };
  while (!(await renew())) await Bun.sleep(20);
  expect((await call(near, "GET", "/kv/k?consistent")).body.session).toBe(holder);
  const file = join(temporaryFolder(), "token");
  const waiting = Bun.spawn(
    [KONSUL, "lock", "k", `--http-addr=${far.url}`, "--", "sh", "-c", `echo $KONSUL_LOCK_INDEX > ${file}`],
    { stdio: ["ignore", "ignore", "ignore"] },
  );
  expect(await waiting.exited).toBe(0);
  expect(Number(readFileSync(file, "utf8"))).toBeGreaterThan(token);
  expect((await call(near, "GET", `/sessions/${holder}?consistent`)).status).toBe(404);
}, 60_000);

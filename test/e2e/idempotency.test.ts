import { afterEach, expect, test } from "bun:test";
import { cleanUp, startAgent } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Answer {
  readonly status: number;
  readonly body: { readonly modify_index?: number; readonly error?: string; readonly field?: string };
}

async function send(url: string, request: string, key: string, body = ""): Promise<Answer> {
  const [method = "", path = ""] = request.split(" ");
  const answer = await fetch(`${url}${path}`, { method, headers: { "Idempotency-Key": key }, body });
  const fields: Answer["body"] = Object(await answer.json());
  return { status: answer.status, body: fields };
}

test("a write that is repeated under its key has its effect once, on every node and over a dead leader", async () => {
  const { leader, followers } = await startThreeNodes(["--follower-writes=forward"]);
  const first = await send(leader.url, "PUT /kv/counter?cas=0", "job-1", "1");
  expect(first.status).toBe(200);
  for (const { url } of followers) expect(await send(url, "PUT /kv/counter?cas=0", "job-1", "1")).toEqual(first);
  expect((await send(leader.url, "PUT /kv/counter?cas=0", "job-2", "1")).body.error).toBe("cas_conflict");
  expect((await send(leader.url, "PUT /kv/counter", "job-1", "other")).body.error).toBe("conflict");
  await leader.end("SIGKILL");
  const [near] = followers;
  let again = await send(near.url, "PUT /kv/counter?cas=0", "job-1", "1");
  while (again.status === 503) {
    await Bun.sleep(20);
    again = await send(near.url, "PUT /kv/counter?cas=0", "job-1", "1");
  }
  expect(again).toEqual(first);
  // A refusal is a first answer, too.
  expect((await send(near.url, "PUT /kv/counter?cas=0", "job-2", "1")).body.error).toBe("cas_conflict");
}, 60_000);

test("transactions, deletes and services take keys; what holds secrets or ids does not", async () => {
  const { url } = await startAgent(["--dev"]);
  await send(url, "PUT /kv/a", "k1", "1");
  const removed = await send(url, "DELETE /kv/a", "k2");
  expect(removed.status).toBe(200);
  expect(await send(url, "DELETE /kv/a", "k2")).toEqual(removed);
  const service = JSON.stringify({ name: "web", address: "h", port: 1, cas: 0 });
  const registered = await send(url, "PUT /register", "k3", service);
  expect(registered.status).toBe(200);
  expect(await send(url, "PUT /register", "k3", service)).toEqual(registered);
  for (const key of ["with space", "x".repeat(129)]) {
    expect((await send(url, "PUT /kv/a", key, "1")).body.field).toBe("Idempotency-Key");
  }
  expect((await send(url, "POST /sessions", "k4", '{"ttl":"1h"}')).body.field).toBe("Idempotency-Key");
});

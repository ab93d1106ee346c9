import { afterEach, expect, test } from "bun:test";
import { cleanUp, startAgent } from "./agent-process.ts";

afterEach(cleanUp);

test("a full state refuses what adds to it, takes deletes, and is written to again afterwards", async () => {
  const { url } = await startAgent(["--dev", "--limit-max-state-bytes", "1MiB"]);
  const put = async (key: string): Promise<Response> =>
    fetch(`${url}/kv/${key}`, { method: "PUT", body: "v".repeat(100_000) });
  let stored = 0;
  let refused: Response | undefined;
  while (refused === undefined && stored < 100) {
    const answer = await put(`k${stored}`);
    if (answer.status === 200) stored += 1;
    else refused = answer;
  }
  const body: { readonly error?: string; readonly message?: string } = Object(await refused?.json());
  expect([refused?.status, body.error]).toEqual([503, "state_full"]);
  expect(body.message).toContain("limits.max_state_bytes");
  expect(stored).toBeGreaterThan(8);
  expect((await fetch(`${url}/kv/k0?raw`)).status).toBe(200);
  expect((await fetch(`${url}/kv/k0`, { method: "DELETE" })).status).toBe(200);
  expect((await fetch(`${url}/kv/k1`, { method: "DELETE" })).status).toBe(200);
  expect((await put("again")).status).toBe(200);
});

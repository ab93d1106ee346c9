import { afterEach, expect, spyOn, test } from "bun:test";
import { clusterHealth } from "./cluster-commands.ts";

const printed = spyOn(process.stdout, "write").mockReturnValue(true);
afterEach(() => printed.mockClear());

/** An agent that names itself as the leader, and says this of the cluster. */
async function healthOf(status: Readonly<Record<string, unknown>>): Promise<readonly [code: number, said: string]> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      const { pathname, host } = new URL(url);
      return Response.json(pathname === "/cluster/leader" ? { http_address: host } : status);
    },
  });
  const flags = new Map([["http-addr", [server.url.href]]]);
  const code = await clusterHealth({ positions: [], flags });
  await server.stop(true);
  return [code, printed.mock.calls.join("")];
}

test("a cluster is healthy only where the leader says so: one that leads no more knows nothing of the others", async () => {
  const known = { state: "healthy", voters: 3, healthy_voters: 3, failure_tolerance: 1 };
  expect(await healthOf(known)).toEqual([0, "healthy: 3 of 3 voters answer, 1 more may fail\n"]);
  printed.mockClear();
  const partial = { state: "healthy", voters: 3, healthy_voters: null, failure_tolerance: null, partial: true };
  expect(await healthOf(partial)).toEqual([1, "unknown: the leader has just changed, ask again\n"]);
});

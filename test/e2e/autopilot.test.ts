import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

interface Status {
  readonly voters?: number;
  readonly leader?: { readonly id: string } | null;
  readonly healthy?: boolean | null;
  readonly failure_tolerance?: number;
  readonly servers?: readonly { readonly id: string; readonly healthy: boolean; readonly reasons: readonly string[] }[];
}

async function get(url: string, path: string): Promise<Status> {
  const answer = await fetch(`${url}${path}`).catch(() => undefined);
  const status: Status = answer?.status === 200 ? Object(await answer.json()) : {};
  return status;
}

test("a dead voter is seen, removed after its time, and never so that fewer than min_quorum are left", async () => {
  const folder = temporaryFolder();
  const ports = freePorts(8);
  const nodes: AgentProcess[] = [];
  for (const at of [0, 1, 2, 3]) {
    nodes.push(
      await startAgent([
        `--port=${ports[at]}`,
        `--node-id=node-${at}`,
        `--data-dir=${join(folder, `n${at}`)}`,
        `--raft-bind-addr=127.0.0.1:${ports[4 + at]}`,
        "--join-token=secret",
        ...(at === 0 ? ["--bootstrap"] : [`--join=127.0.0.1:${ports[4]}`]),
      ]),
    );
  }
  const urlOf = (at: number): string => nodes[at]?.url ?? "";
  while ((await get(urlOf(0), "/cluster/status")).voters !== 4) await Bun.sleep(20);
  const leaderAt = async (from: number): Promise<number> => {
    for (;;) {
      const { leader } = await get(urlOf(from), "/cluster/status");
      if (leader !== null && leader !== undefined) return Number(leader.id.split("-")[1]);
      await Bun.sleep(20);
    }
  };
  const leader = await leaderAt(0);
  const url = urlOf(leader);
  while ((await get(url, "/cluster/autopilot/state")).healthy !== true) await Bun.sleep(20);
  while ((await get(url, "/cluster/health")).failure_tolerance !== 1) await Bun.sleep(20);
  const set = ["cluster", "autopilot", "set", "server_stabilization_time=1s", "dead_server_after=2s", "min_quorum=3"];
  // Through a follower: the settings are the cluster's.
  expect((await konsul(set, { url: urlOf((leader + 1) % 4) })).code).toBe(0);
  expect((await konsul(["cluster", "autopilot", "get"], { url })).out).toContain("2s");
  expect((await konsul(["cluster", "autopilot", "set", "colour=red"], { url })).code).toBe(1);
  const [first, second] = [(leader + 1) % 4, (leader + 2) % 4];
  await nodes[first]?.end("SIGKILL");
  for (;;) {
    const { servers } = await get(url, "/cluster/autopilot/state");
    const dead = servers?.find(({ id }) => id === `node-${first}`);
    if (dead?.healthy === false) {
      expect(dead.reasons.join()).toContain("not heard");
      break;
    }
    await Bun.sleep(20);
  }
  expect((await konsul(["cluster", "autopilot", "state"], { url })).out).toContain("not heard");
  while ((await get(url, "/cluster/status")).voters !== 3) await Bun.sleep(50);
  await nodes[second]?.end("SIGKILL");
  // Three are left: the next one stays, however long it is dead.
  const until = performance.now() + 7000;
  while (performance.now() < until) {
    expect((await get(url, "/cluster/status")).voters ?? 3).toBe(3);
    await Bun.sleep(200);
  }
  const write = await fetch(`${url}/kv/a`, { method: "PUT", body: "1" });
  expect(write.status).toBe(200);
}, 60_000);

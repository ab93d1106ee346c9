import { join } from "node:path";
import { cleanUp, startAgent, temporaryFolder, type AgentProcess } from "../e2e/agent-process.ts";
import { freePorts } from "../e2e/free-ports.ts";
import { median, percentile, say, type Bench } from "./bench.ts";

const KILLS = Number(process.env["KILLS"] ?? 30);

async function leaderOf(nodes: readonly (AgentProcess | undefined)[]): Promise<number> {
  for (;;) {
    for (const node of nodes) {
      const answer = await fetch(`${node?.url}/cluster/status`).catch(() => undefined);
      const body: unknown = answer?.status === 200 ? await answer.json() : undefined;
      const { state, voters, leader } = Object(body);
      if (state === "healthy" && voters === 3 && Object(body).partial !== true)
        return Number(String(leader.id).split("-")[1]);
    }
    await Bun.sleep(10);
  }
}

/** Time without successful writes after SIGKILL of the leader, at default settings. */
export const failover: Bench = {
  name: "failover",
  summary: "time without successful writes after SIGKILL of the leader of three",
  run: async () => {
    const folder = temporaryFolder();
    const ports = freePorts(6);
    const start = async (at: number): Promise<AgentProcess> =>
      startAgent([
        "--port",
        String(ports[at]),
        "--data-dir",
        join(folder, `n${at}`),
        "--node-id",
        `node-${at}`,
        "--raft-bind-addr",
        `127.0.0.1:${ports[3 + at]}`,
        ...(at === 0 ? ["--bootstrap"] : ["--join", `127.0.0.1:${ports[3]}`]),
      ]);
    const nodes = [await start(0), await start(1), await start(2)];
    const gaps: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const leader = await leaderOf(nodes);
      await Bun.sleep(500);
      const alive = nodes.filter((_, at) => at !== leader);
      nodes[leader]?.child.kill("SIGKILL");
      const at = performance.now();
      for (let tries = 0; ; tries += 1) {
        const node = alive[tries % 2];
        const answer = await fetch(`${node?.url}/kv/k`, {
          method: "PUT",
          body: "v",
          signal: AbortSignal.timeout(1000),
        }).catch(() => undefined);
        if (answer?.status === 200) break;
        await Bun.sleep(2);
      }
      gaps.push(performance.now() - at);
      await nodes[leader]?.child.exited;
      nodes[leader] = await start(leader);
    }
    await cleanUp();
    say(
      `failover: median ${median(gaps).toFixed(0)} ms (aim 300), p99 ${percentile(gaps, 0.99).toFixed(0)} ms (aim 1000), worst ${Math.max(...gaps).toFixed(0)} ms, ${KILLS} kills`,
    );
  },
};

import { afterEach, describe, expect, test } from "bun:test";
import { CATALOGUE, type MetricEntry } from "../../src/telemetry/index.ts";
import { cleanUp, startAgent, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

async function scrape({ url }: AgentProcess): Promise<string> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get("content-type")).toContain("text/plain");
  return answer.text();
}

/** The value of a series without labels, or with exactly these. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Which node leads, once it says that three voters are healthy, and the others say nothing of their peers. */
async function untilOnlyLeaderKnows(nodes: readonly AgentProcess[]): Promise<number> {
  for (;;) {
    const all = await Promise.all(nodes.map(scrape));
    const leads = all.map((text) => valueOf(text, "konsul_raft_state") === 1);
    const healthy = all.map((text) => valueOf(text, "konsul_raft_healthy_voters"));
    const peers = all.map((text) => text.includes("konsul_raft_peer_up{"));
    const isRight = leads.every((isLeading, at) => healthy[at] === (isLeading ? 3 : 0) && peers[at] === isLeading);
    if (isRight && leads.includes(true)) return leads.indexOf(true);
    await Bun.sleep(50);
  }
}

/** Have no series before there is something to count: no stranger, no certificate, no check in these tests. */
const NOT_HERE = ["konsul_peer_rejected_total", "konsul_tls_certificate_expiry_seconds", "konsul_checks_run_total"];

describe("/metrics", () => {
  test("has every metric of the catalogue, of its kind, with its labels, and nothing that was stored", async () => {
    const cluster = await startThreeNodes();
    const { leader } = cluster;
    for (const { url } of cluster.nodes) {
      await fetch(`${url}/kv/canary-key`, { method: "PUT", body: "canary-value" });
      await fetch(`${url}/kv/canary-key`);
    }
    await fetch(`${leader.url}/cluster/snapshot`, { method: "POST" });
    const text = await scrape(leader);
    for (const { name, kind, labels = [] } of CATALOGUE as readonly MetricEntry[]) {
      expect(text).toContain(`# TYPE ${name} ${kind}\n`);
      if (NOT_HERE.includes(name)) continue;
      const series = new RegExp(`^${name}(?:_count)?(?:\\{([^}]*)\\})? \\S+$`, "m").exec(text);
      const said = [...(series?.[1] ?? "").matchAll(/(\w+)="/g)].map(([, label = ""]) => label).toSorted();
      expect([name, series !== null, said]).toEqual([name, true, [...labels].toSorted()]);
    }
    expect(text).toContain('route="/kv/*"');
    expect(text).not.toContain("canary");
    expect(text.split("\n").filter((line) => line !== "" && !/^#|^konsul_/.test(line))).toEqual([]);
  });

  test("what only the leader knows is said by the leader alone, also after it lost the lead", async () => {
    const { nodes } = await startThreeNodes();
    const before = await untilOnlyLeaderKnows(nodes);
    let after = before;
    while (after === before) {
      // A busy machine may refuse or undo a transfer: it is asked for again.
      await fetch(`${nodes[before]?.url}/cluster/transfer`, { method: "POST", body: "{}" });
      after = await untilOnlyLeaderKnows(nodes);
    }
    expect(after).not.toBe(before);
  });

  test("a write is counted by its operation, its outcome and its time", async () => {
    const node = await startAgent(["--dev"]);
    await fetch(`${node.url}/kv/a`, { method: "PUT", body: "v" });
    const text = await scrape(node);
    expect(valueOf(text, 'konsul_raft_proposals_total{outcome="applied"}')).toBeGreaterThan(0);
    expect(valueOf(text, 'konsul_kv_operations_total{operation="put"}')).toBeGreaterThan(0);
    expect(valueOf(text, "konsul_raft_commit_time_seconds_count")).toBeGreaterThan(0);
  });
});

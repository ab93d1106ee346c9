import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp } from "./agent-process.ts";
import { startPrometheus, type PrometheusServer } from "./prometheus-server.ts";
import { startThreeNodes, type ThreeNodes } from "./three-nodes.ts";

const MONITORING = join(import.meta.dir, "..", "..", "monitoring");
const RULES = join(MONITORING, "prometheus", "raft-alerts.yaml");
const JOB = "konsul-test";

interface Dashboard {
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly refId: string; readonly expr: string }[];
  }[];
}

const dashboard: Dashboard = JSON.parse(readFileSync(join(MONITORING, "grafana", "raft-dashboard.json"), "utf8"));

/** What Grafana puts in the place of its variables. */
function filledIn(query: string): string {
  return query.replaceAll("$job", ".*").replaceAll("$__rate_interval", "15s");
}

const QUERIES: readonly (readonly [string, string])[] = [
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ refId, expr }) => [`${title}: ${refId}`, expr] as const),
  ),
  ...dashboard.annotations.list.map(({ name, expr }) => [`annotation ${name}`, expr] as const),
];

const hasPrometheus = Bun.which("prometheus") !== null;
if (!hasPrometheus)
  process.stderr.write("skip: the dashboard was not asked of a Prometheus, as there is none (Debian: prometheus)\n");

let prometheus: PrometheusServer | undefined;
afterEach(async () => {
  await prometheus?.stop();
  await cleanUp();
});

/** Writes, reads, snapshots, requests that fail, and then another leader. */
async function live({ nodes, leader, followers }: ThreeNodes): Promise<void> {
  for (let round = 0; round < 8; round += 1) {
    for (const { url } of nodes) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, at) => fetch(`${url}/kv/k${at}`, { method: "PUT", body: `v${round}` })),
      );
      await fetch(`${url}/kv/none?consistent`);
      if (round % 4 === 0) await fetch(`${leader.url}/cluster/snapshot`, { method: "POST" });
    }
    await Bun.sleep(500);
  }
  await leader.end("SIGKILL");
  for (const { url } of followers) {
    while ((await fetch(`${url}/kv/k1?consistent`)).status !== 200) await Bun.sleep(50);
  }
}

// Takes minutes on a busy machine: the longer runs have it.
const isLong = process.env["KONSUL_LONG"] === "1";

describe.skipIf(!hasPrometheus || !isLong)("a Prometheus that scrapes three nodes", () => {
  test("finds data for every query of the dashboard, and evaluates every alert", async () => {
    const cluster = await startThreeNodes();
    prometheus = await startPrometheus({ job: JOB, nodes: cluster.urls, ruleFiles: [RULES] });
    const scraped = prometheus;
    await live(cluster);
    const answered = new Set<string>();
    // Until the newest figures are scraped; the test's own time-out is the end of it.
    while (answered.size < QUERIES.length) {
      for (const [name, query] of QUERIES) {
        if (answered.has(name)) continue;
        const series = await scraped.range(filledIn(query), 60);
        if (series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))))) answered.add(name);
      }
      const left = QUERIES.map(([name]) => name).filter((name) => !answered.has(name));
      if (left.length > 0) process.stderr.write(`note: no data yet for ${left.join("; ")}\n`);
      await Bun.sleep(500);
    }
    expect(QUERIES.length).toBeGreaterThan(25);
    // Grafana fills its list of jobs with this.
    expect(await scraped.get(`/api/v1/label/job/values?match[]=konsul_raft_state`)).toEqual([JOB]);
    await expectAlerts(scraped);
  });
});

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly health: string; readonly state: string }[];
  }[];
}

/** The killed node is noticed, and that its quorum is at risk; every other rule can be evaluated as well. */
async function expectAlerts(scraped: PrometheusServer): Promise<void> {
  for (;;) {
    const { groups }: Rules = Object(await scraped.get("/api/v1/rules"));
    const rules = groups.flatMap((group) => group.rules);
    const risen = rules.filter(({ state }) => state !== "inactive").map(({ name }) => name);
    if (risen.includes("KonsulNodeDown") && risen.includes("KonsulQuorumAtRisk")) {
      expect(rules.map(({ health }) => health)).toEqual(rules.map(() => "ok"));
      return;
    }
    await Bun.sleep(500);
  }
}

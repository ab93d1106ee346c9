import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp } from "./agent-process.ts";
import { startPrometheus, type PrometheusServer } from "./prometheus-server.ts";
import { startThreeNodes, type ThreeNodes } from "./three-nodes.ts";

const MONITORING = join(import.meta.dir, "..", "..", "monitoring");
const RULES = join(MONITORING, "prometheus", "raft-alerts.yaml");
const JOB = "konsul-test";
const LEADER_CHANGES = "annotation Leader changes";

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

/** Writes, reads, snapshots, requests that fail. */
async function live({ nodes, leader }: ThreeNodes): Promise<void> {
  for (const { url } of nodes) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, at) => fetch(`${url}/kv/k${at}`, { method: "PUT", body: "v" })),
    );
    await fetch(`${url}/kv/none?consistent`);
  }
  await fetch(`${leader.url}/cluster/snapshot`, { method: "POST" });
}

async function changeLeader({ leader, followers }: ThreeNodes): Promise<void> {
  await leader.end("SIGKILL");
  for (const { url } of followers) {
    while ((await fetch(`${url}/kv/k1?consistent`)).status !== 200) await Bun.sleep(50);
  }
}

/** Of these queries those that found nothing in the last minute. */
async function unanswered(scraped: PrometheusServer, queries: typeof QUERIES): Promise<typeof QUERIES> {
  const found = await Promise.all(queries.map(async ([, query]) => scraped.range(filledIn(query), 60)));
  return queries.filter((_, at) =>
    (found[at] ?? []).every(({ values }) => values.every(([, value]) => !Number.isFinite(Number(value)))),
  );
}

describe.skipIf(!hasPrometheus)("a Prometheus that scrapes three nodes", () => {
  test("finds data for every query of the dashboard, and evaluates every alert", async () => {
    const cluster = await startThreeNodes();
    prometheus = await startPrometheus({ job: JOB, nodes: cluster.urls, ruleFiles: [RULES] });
    const scraped = prometheus;
    expect(QUERIES.length).toBeGreaterThan(25);
    // The leader must live until its figures were scraped; the test's own time-out is the end of every wait.
    let left = QUERIES;
    while (left.some(([name]) => name !== LEADER_CHANGES)) {
      await live(cluster);
      left = await unanswered(scraped, left);
      await Bun.sleep(250);
    }
    await changeLeader(cluster);
    while (left.length > 0) {
      await Bun.sleep(250);
      left = await unanswered(scraped, left);
    }
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

import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, startAgent } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Health {
  readonly status: number;
  readonly reason: string;
  readonly overall: string;
  readonly checks: Readonly<Record<string, { readonly status: string; readonly message: string }>>;
}

async function ask(url: string, path: string): Promise<Health> {
  const answer = await fetch(`${url}${path}`);
  const body: { readonly reason?: string; readonly status?: string; readonly checks?: Health["checks"] } = Object(
    await answer.json(),
  );
  return {
    status: answer.status,
    reason: body.reason ?? "",
    overall: body.status ?? "",
    checks: body.checks ?? {},
  };
}

async function untilReadySays(url: string, wanted: (health: Health) => boolean): Promise<Health> {
  for (;;) {
    const health = await ask(url, "/health/ready");
    if (wanted(health)) return health;
    await Bun.sleep(10);
  }
}

const AWAY = /^this node does not reach node-\d, node-\d$/;

describe("a node", () => {
  test("without a leader is live and not ready, and says why; it is ready again with one", async () => {
    const { nodes, restart } = await startThreeNodes();
    const [last, ...others] = nodes;
    for (const node of others) await node.end("SIGKILL");
    const { reason } = await untilReadySays(last.url, ({ status }) => status === 503);
    expect(reason).not.toBe("");
    await untilReadySays(last.url, (health) => health.reason === "no node leads");
    expect((await ask(last.url, "/health/live")).status).toBe(200);
    const health = await ask(last.url, "/health");
    expect([health.status, health.overall]).toEqual([503, "unhealthy"]);
    expect([health.checks["leader"]?.status, health.checks["quorum"]?.status]).toEqual(["fail", "fail"]);
    // Who does not answer is said by name, also where nobody leads.
    expect(health.checks["peers_reachable"]).toEqual({ status: "warn", message: expect.stringMatching(AWAY) });
    const said = await konsul(["health"], { url: last.url });
    expect([said.code, said.out]).toEqual([1, expect.stringContaining("leader: no node leads")]);
    const seen = await konsul(["cluster", "status"], { url: last.url });
    expect(seen.out.match(/^node-\d +unreachable /gm)).toHaveLength(2);
    expect((await konsul(["health", "--live"], { url: last.url })).code).toBe(0);
    const ready = await konsul(["health", "--ready"], { url: last.url });
    expect([ready.code, ready.problems + ready.out]).toEqual([1, expect.stringContaining("no node leads")]);
    await restart(1);
    await untilReadySays(last.url, ({ status }) => status === 200);
  }, 120_000);

  test("that hears nothing of its leader is not ready beyond health.max_last_contact, and live", async () => {
    // Nobody campaigns for long enough: the leader is known, and silent.
    const { leader, followers } = await startThreeNodes([
      "--heartbeat-timeout=6s",
      "--election-timeout=6s",
      "--health-max-last-contact=2s",
    ]);
    const [follower] = followers;
    await untilReadySays(follower.url, ({ status }) => status === 200);
    leader.child.kill("SIGSTOP");
    await untilReadySays(follower.url, ({ reason }) => reason.includes("has not heard the leader"));
    expect((await ask(follower.url, "/health/live")).status).toBe(200);
    leader.child.kill("SIGCONT");
    await untilReadySays(follower.url, ({ status }) => status === 200);
  }, 120_000);

  test("that was away is ready only once it has everything that was acknowledged meanwhile", async () => {
    const { leader, followers, nodes, urls, restart } = await startThreeNodes();
    const [away] = followers;
    await away.end("SIGKILL");
    const value = "x".repeat(100_000);
    for (let at = 0; at < 100; at += 1) {
      // Where leadership moves on a busy machine, the write is asked for again.
      while ((await fetch(`${leader.url}/kv/k${at}`, { method: "PUT", body: value })).status !== 200)
        await Bun.sleep(20);
    }
    const at = nodes.indexOf(away);
    // Returns once it is ready for the first time.
    await restart(at);
    expect((await fetch(`${urls[at]}/kv/k99`)).status).toBe(200);
  }, 120_000);
});

test("more leaders than health.recent_elections are a warning, and no reason to send nobody there", async () => {
  const { leader, followers } = await startThreeNodes(["--health-recent-elections=1"]);
  const transfer = async (url: string): Promise<void> => {
    while ((await konsul(["cluster", "transfer"], { url })).code !== 0) await Bun.sleep(100);
  };
  await transfer(leader.url);
  await transfer(followers[0].url);
  for (;;) {
    const health = await ask(followers[1].url, "/health");
    if (health.checks["recent_elections"]?.status === "warn" && health.overall === "degraded") {
      expect(health.status).toBe(200);
      break;
    }
    await Bun.sleep(50);
  }
  await untilReadySays(followers[1].url, ({ status }) => status === 200);
}, 120_000);

test("who may not ask hears why, and is told no state", async () => {
  const { url } = await startAgent(["--dev", "--acl-enabled"]);
  for (const words of [["health"], ["health", "--json"]]) {
    const refusal = { code: 1, out: "", problems: expect.stringContaining("(unauthenticated)") };
    expect(await konsul(words, { url })).toEqual(refusal);
  }
  expect((await konsul(["health", "--ready"], { url })).code).toBe(0);
}, 60_000);

test("thresholds that make no sense are refused with their names", async () => {
  const wrong = await konsul(["agent", "--dev", "--health-max-lag=1ms", "--health-recent-elections=0"]);
  expect(wrong.code).toBe(2);
  expect(wrong.problems).toContain("--health-max-lag");
  expect(wrong.problems).toContain("--health-recent-elections");
  const node = await startAgent(["--dev", "--health-max-lag-entries=0"]);
  expect((await ask(node.url, "/health")).checks["replication_lag"]?.status).toBe("pass");
}, 60_000);

import { afterEach, expect, test } from "bun:test";
import { cleanUp } from "./agent-process.ts";
import { figureOf, missingOf, startWriters } from "./steady-writers.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

const CLIENTS = 8;

test("all nodes are restarted one by one under eight clients: every request ends in success or 504, and every success is found", async () => {
  const { nodes, urls, restart } = await startThreeNodes();
  const stop = startWriters(urls, CLIENTS);
  for (const at of [0, 1, 2]) {
    await Bun.sleep(500);
    expect(await nodes[at]?.end("SIGTERM")).toBe(0);
    await restart(at);
  }
  await Bun.sleep(500);
  const report = await stop();
  process.stderr.write(figureOf(report));
  expect(report.strange).toEqual([]);
  expect(report.written.size).toBeGreaterThan(100);
  // A request whose connection broke may have been done: its retry wrote the same value again.
  expect(await missingOf(report, urls[1])).toEqual([]);
}, 120_000);

test("a leader that was stopped and goes on never answers with what was true before", async () => {
  const { leader, followers } = await startThreeNodes();
  const put = async (url: string, value: string): Promise<number> => {
    // A redirect may still lead to the node that was stopped.
    const signal = AbortSignal.timeout(500);
    const answer = await fetch(`${url}/kv/k`, { method: "PUT", body: value, signal }).catch(() => undefined);
    return answer?.status ?? 0;
  };
  expect(await put(leader.url, "old")).toBe(200);
  for (let round = 0; round < 3; round += 1) {
    leader.child.kill("SIGSTOP");
    // Sent while it cannot answer; it is read once the process goes on.
    const reads = Array.from({ length: 5 }, async () => fetch(`${leader.url}/kv/k?consistent&raw`));
    const value = `new${round}`;
    while ((await put(followers[0].url, value)) !== 200) await Bun.sleep(20);
    leader.child.kill("SIGCONT");
    for (const read of reads) {
      const answer = await read;
      const text = await answer.text();
      expect([200, 503, 504]).toContain(answer.status);
      if (answer.status === 200) expect(text).toBe(value);
    }
    while ((await fetch(`${leader.url}/kv/k?consistent`)).status !== 200) await Bun.sleep(20);
    // Leadership goes back, so that the next round stops a leader, too.
    const { leader: known } = Object(await (await fetch(`${leader.url}/cluster/status`)).json());
    expect(known).not.toBeNull();
    const transfer = async (): Promise<boolean> => {
      const { leader: now }: { readonly leader?: { readonly http_address: string } } = Object(
        await (await fetch(`${leader.url}/cluster/status`)).json(),
      );
      if (leader.url.endsWith(now?.http_address ?? "none")) return true;
      const own = new URL(leader.url).host;
      const { peers }: { readonly peers?: readonly { readonly id: string; readonly http_address: string }[] } = Object(
        await (await fetch(`${leader.url}/cluster/peers`)).json(),
      );
      const to = peers?.find(({ http_address: address }) => address === own)?.id;
      await fetch(`${leader.url}/cluster/transfer`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ to }),
      }).catch(() => undefined);
      return false;
    };
    while (!(await transfer())) await Bun.sleep(50);
  }
}, 60_000);

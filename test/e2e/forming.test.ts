import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, launchAgent, startAgent } from "./agent-process.ts";
import { site, statusOf, threeOf, untilVoters } from "./site.ts";

afterEach(cleanUp);

describe("bootstrap_expect", () => {
  test("three nodes with one template make one cluster of three voters; two of them wait, alive and not ready", async () => {
    const { flags, peer, urls } = site(3);
    const template = ["--bootstrap-expect=3", `--join=${peer.map((port) => `127.0.0.1:${port}`).join(",")}`];
    const waiting = launchAgent(flags(0, ...template));
    launchAgent(flags(1, ...template));
    while ((await fetch(`${urls[0]}/health/live`).catch(() => undefined))?.status !== 200) await Bun.sleep(10);
    expect((await fetch(`${urls[0]}/health/ready`)).status).toBe(503);
    const write = await fetch(`${urls[0]}/kv/a`, { method: "PUT", body: "1" });
    expect([write.status, Object(await write.json())["error"]]).toEqual([503, "no_leader"]);
    while (!waiting.log().includes("Waiting for 3 empty nodes")) await Bun.sleep(20);
    // One that starts again in between changes nothing.
    await waiting.end("SIGKILL");
    launchAgent(flags(0, ...template));
    launchAgent(flags(2, ...template));
    const all = await untilVoters(urls, 3);
    expect(new Set(all.map((one) => one.cluster_id)).size).toBe(1);
  }, 60_000);

  test("contradictions are told before anything starts", async () => {
    const { flags, peer } = site(3);
    const join5 = `--join=${peer.map((port) => `127.0.0.1:${port}`).join(",")},h4:1,h5:1`;
    const few = await konsul(["agent", ...flags(0, "--bootstrap-expect=2", join5)], {});
    expect([few.code, few.problems]).toEqual([2, expect.stringContaining("more than half")]);
    const both = await konsul(["agent", ...flags(0, "--bootstrap-expect=3", "--bootstrap", join5)], {});
    expect([both.code, both.problems]).toEqual([2, expect.stringContaining("does not go with raft.bootstrap")]);
  });
});

describe("an empty node without join addresses", () => {
  test("waits until a member invites it; wrong addresses, ids and clusters are told apart", async () => {
    const { flags, peer, urls } = site(3);
    const first = await startAgent(flags(0, "--bootstrap"));
    const guest = launchAgent(flags(1, "--raft"));
    while (!guest.log().includes("Waiting for an invitation")) await Bun.sleep(20);
    const { url } = first;
    const at = (port: number | undefined): string[] => ["--address", `127.0.0.1:${port}`];
    const wrongId = await konsul(["cluster", "join", ...at(peer[1]), "--id", "node-7"], { url });
    expect([wrongId.code, wrongId.problems]).toEqual([1, expect.stringContaining("node-1 answers there")]);
    const nobody = await konsul(["cluster", "join", ...at(peer[2])], { url });
    expect([nobody.code, nobody.problems]).toEqual([1, expect.stringContaining("no answer")]);
    expect((await konsul(["cluster", "join", "--address", "nonsense"], { url })).problems).toContain("HOST:PORT");
    expect((await konsul(["cluster", "join"], { url })).code).toBe(2);
    const joined = await konsul(["cluster", "join", ...at(peer[1]), "--json"], { url });
    expect(JSON.parse(joined.out)).toMatchObject({ node_id: "node-1", status: expect.stringMatching(/learner|voter/) });
    await untilVoters(urls.slice(0, 2), 2);
    const again = await konsul(["cluster", "join", ...at(peer[1]), "--json"], { url });
    expect(JSON.parse(again.out)).toMatchObject({ node_id: "node-1", status: "voter" });
    await startAgent(flags(2, "--bootstrap"));
    const foreign = await konsul(["cluster", "join", ...at(peer[2])], { url });
    expect([foreign.code, foreign.problems]).toEqual([1, expect.stringContaining("another cluster")]);
  }, 60_000);
});

test("konsul leave: a follower and then the leader leave and stop with code 0, and the last voter stays", async () => {
  const one = site(3);
  const nodes = await threeOf(one);
  const leaderOf = async (url: string): Promise<number> => Number((await statusOf(url)).leader?.id.split("-")[1]);
  const leaderAt = await leaderOf(one.urls[0] ?? "");
  const followerAt = (leaderAt + 1) % 3;
  for (const at of [followerAt, leaderAt]) {
    const left = await konsul(["leave"], { url: one.urls[at] ?? "" });
    expect([left.code, left.problems]).toEqual([0, expect.stringContaining("Left the cluster")]);
    expect(await nodes[at]?.child.exited).toBe(0);
  }
  const lastAt = (leaderAt + 2) % 3;
  await untilVoters([one.urls[lastAt] ?? ""], 1);
  const last = await konsul(["leave"], { url: one.urls[lastAt] ?? "" });
  expect([last.code, last.problems]).toEqual([1, expect.stringContaining("last voter")]);
}, 60_000);

test("a node that left and is started again as it was is not let in, splits nothing, and says what to do", async () => {
  const one = site(3);
  const nodes = await threeOf(one);
  const addresses = one.peer.map((port) => `127.0.0.1:${port}`).join(",");
  expect((await konsul(["leave"], { url: one.urls[2] ?? "" })).code).toBe(0);
  expect(await nodes[2]?.child.exited).toBe(0);
  // As the supervisor of a container does it.
  const again = launchAgent(one.flags(2, `--join=${addresses}`));
  while (!again.log().includes("no member any more")) await Bun.sleep(20);
  expect(again.log()).toContain("start it with an empty data folder");
  const ready = await fetch(`${one.urls[2]}/health/ready`);
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("removed from the cluster")]);
  expect((await fetch(`${one.urls[2]}/kv/a`, { method: "PUT", body: "1" })).status).toBe(503);
  expect((await fetch(`${one.urls[0]}/kv/a`, { method: "PUT", body: "1" })).status).toBe(200);
  expect((await untilVoters(one.urls.slice(0, 2), 2)).length).toBe(2);
  // And doing so helps.
  await again.end("SIGKILL");
  rmSync(join(one.folder, "n2"), { recursive: true });
  await startAgent(one.flags(2, `--join=${addresses}`));
  await untilVoters(one.urls, 3);
}, 60_000);

test("a node whose disk was lost comes back empty under its old id, and becomes a voter again with all the data", async () => {
  const one = site(3);
  const nodes = await threeOf(one);
  expect((await fetch(`${one.urls[0]}/kv/a`, { method: "PUT", body: "1" })).ok).toBe(true);
  const before = (await statusOf(one.urls[0] ?? "")).cluster_id;
  // The first node's own settings say "bootstrap" without anybody to ask: with join addresses it asks first.
  for (const at of [2, 0]) {
    await nodes[at]?.end("SIGKILL");
    rmSync(join(one.folder, `n${at}`), { recursive: true });
    const others = one.peer.filter((_, i) => i !== at).map((port) => `127.0.0.1:${port}`);
    await startAgent(one.flags(at, ...(at === 0 ? ["--bootstrap"] : []), `--join=${others.join(",")}`));
    const all = await untilVoters(one.urls, 3);
    expect(new Set(all.map((status) => status.cluster_id))).toEqual(new Set([before]));
    const value = await fetch(`${one.urls[at]}/kv/a?consistent&raw`);
    expect(await value.text()).toBe("1");
  }
}, 120_000);

import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, launchAgent, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

interface Waiting {
  readonly address: string;
  readonly log: () => string;
}

/** A node that waits for an invitation, with these flags. */
function waiting(id: string, flags: readonly string[]): Waiting {
  const [port] = freePorts(1);
  const address = `127.0.0.1:${port}`;
  const folder = join(temporaryFolder(), id);
  const words = [
    "--raft",
    `--node-id=${id}`,
    `--data-dir=${folder}`,
    "--port=0",
    `--raft-bind-addr=${address}`,
    ...flags,
  ];
  return { address, log: launchAgent(words).log };
}

async function leaderWithToken(): Promise<AgentProcess & { readonly peerAddress: string }> {
  const [port] = freePorts(1);
  const peerAddress = `127.0.0.1:${port}`;
  const agent = await startAgent([
    "--node-id=node-0",
    `--data-dir=${join(temporaryFolder(), "node-0")}`,
    `--raft-bind-addr=${peerAddress}`,
    "--join-token=secret",
    "--bootstrap",
  ]);
  return { ...agent, peerAddress };
}

/** Asks until the node at the other end listens. */
async function invite(leader: AgentProcess, words: readonly string[]): Promise<readonly [number, string]> {
  for (;;) {
    const ran = await konsul(["cluster", "join", ...words], { url: leader.url });
    if (!ran.problems.includes("ECONNREFUSED") && !ran.problems.includes("Failed to connect"))
      return [ran.code, ran.problems];
    await Bun.sleep(50);
  }
}

describe("konsul cluster join says what is wrong", () => {
  test("with the address: no HOST:PORT, nobody there, or somebody else", async () => {
    const leader = await leaderWithToken();
    const other = waiting("node-7", ["--join-token=secret"]);
    for (const wrong of [
      "nowhere",
      "127.0.0.1",
      "127.0.0.1:",
      "127.0.0.1:0",
      "127.0.0.1:65536",
      "http://a:7000",
      "::1:7000",
    ]) {
      const [code, malformed] = await invite(leader, ["--address", wrong]);
      expect([code, malformed]).toEqual([1, expect.stringContaining("address must be HOST:PORT of the peer port")]);
    }
    const [, api] = await invite(leader, ["--address", new URL(leader.url).host]);
    expect(api).toContain("is not the node: no answer (what answers there is no peer port of Konsul");
    const nobody = await konsul(["cluster", "join", "--address", "127.0.0.1:1"], { url: leader.url });
    expect([nobody.code, nobody.problems]).toEqual([
      1,
      expect.stringContaining("127.0.0.1:1 is not the node: no answer"),
    ]);
    expect(await invite(leader, ["--address", other.address, "--id", "node-9"])).toEqual([
      1,
      expect.stringContaining("node-7 answers there, not node-9"),
    ]);
    expect((await invite(leader, ["--address", other.address, "--id", "node-7"]))[0]).toBe(0);
  });

  test("with the token: none, or another one; on both sides", async () => {
    const leader = await leaderWithToken();
    const none = waiting("node-1", []);
    const wrong = waiting("node-2", ["--join-token=guess"]);
    expect(await invite(leader, ["--address", none.address])).toEqual([
      1,
      expect.stringContaining(`The node at ${none.address} was not let in: it has no join token`),
    ]);
    expect(await invite(leader, ["--address", wrong.address])).toEqual([
      1,
      expect.stringContaining("its join token is none of those that are accepted here"),
    ]);
    const joining = waiting("node-3", [`--join=${leader.peerAddress}`]);
    while (!joining.log().includes("turned away there: it has no join token")) await Bun.sleep(50);
    const guessing = waiting("node-4", [`--join=${leader.peerAddress}`, "--join-token=guess"]);
    while (!guessing.log().includes("its join token is none of those that are accepted here")) await Bun.sleep(50);
    expect(guessing.log()).toContain(`Cannot join the cluster yet (no leader answered; ${leader.peerAddress}: `);
  });

  test("with the id: a live node has it", async () => {
    const leader = await leaderWithToken();
    const first = waiting("node-1", ["--join-token=secret"]);
    expect((await invite(leader, ["--address", first.address]))[0]).toBe(0);
    const twin = waiting("node-1", ["--join-token=secret"]);
    expect(await invite(leader, ["--address", twin.address])).toEqual([
      1,
      expect.stringContaining(`the id node-1 is in use by a live node, node-1 at ${first.address}`),
    ]);
  });
});

describe("konsul cluster leave says what is wrong", () => {
  test("an unknown node, the last voter, no quorum", async () => {
    const leader = await leaderWithToken();
    const unknown = await konsul(["cluster", "leave", "--node", "node-9"], { url: leader.url });
    expect([unknown.code, unknown.problems]).toEqual([
      1,
      expect.stringContaining("There is no node node-9 in the cluster: its members are node-0"),
    ]);
    const last = await konsul(["cluster", "leave", "--node", "node-0"], { url: leader.url });
    expect([last.code, last.problems]).toEqual([1, expect.stringContaining("node-0 is the last voter")]);
    const joining = async (id: string, ...flags: readonly string[]): Promise<AgentProcess> =>
      startAgent([
        `--node-id=${id}`,
        `--data-dir=${join(temporaryFolder(), id)}`,
        `--raft-bind-addr=127.0.0.1:${freePorts(1)[0]}`,
        "--join-token=secret",
        `--join=${leader.peerAddress}`,
        ...flags,
      ]);
    // Others may know of voters later than the leader: they do not judge.
    const learner = await joining("node-2", "--non-voter");
    const elsewhere = await fetch(`${learner.url}/cluster/leave/node-0`, { method: "DELETE", redirect: "manual" });
    expect(elsewhere.status).toBe(307);
    const second = await joining("node-1");
    const status = async (): Promise<{ readonly voters: number; readonly state: string }> => {
      const body: { readonly voters: number; readonly state: string } = Object(
        await (await fetch(`${leader.url}/cluster/status`)).json(),
      );
      return body;
    };
    while ((await status()).voters !== 2) await Bun.sleep(50);
    await second.end("SIGKILL");
    while ((await status()).state !== "unavailable") await Bun.sleep(50);
    const stuck = await konsul(["cluster", "leave", "--node", "node-1"], { url: leader.url });
    expect([stuck.code, stuck.problems]).toEqual([1, expect.stringContaining("No node leads at the moment")]);
    expect(stuck.problems).toContain("konsul cluster status shows who is missing (no_leader)");
    const own = await konsul(["leave"], { url: leader.url });
    expect([own.code, own.problems]).toEqual([1, expect.stringContaining("so this node did not leave")]);
  });
});

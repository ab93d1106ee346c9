import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { createSystemClock } from "../../src/agent/system-clock.ts";
import { encodeAdmission } from "../../src/cluster/wire.ts";
import type { Member } from "../../src/raft/index.ts";
import { createTcpTransport, mintPeerKey, type Introduction } from "../../src/transport/index.ts";
import { cleanUp, launchAgent, startAgent } from "./agent-process.ts";
import { identityIn } from "./sabotage/puppet.ts";
import { site, statusOf, threeOf, untilPut, type Site } from "./site.ts";

afterEach(cleanUp);

interface Peer {
  readonly address: string;
  readonly http_address: string;
}

async function peerOf(url: string | undefined, id: string): Promise<Peer | undefined> {
  const answer = await fetch(`${url}/cluster/peers`).catch(() => undefined);
  const { peers }: { readonly peers?: readonly (Peer & { readonly id: string })[] } = Object(await answer?.json());
  return peers?.find((peer) => peer.id === id);
}

/** A leader, and one of its followers, by number. */
async function rolesIn(one: Site): Promise<{ readonly leader: number; readonly follower: number }> {
  const leader = Number((await statusOf(one.urls[0] ?? "")).leader?.id.split("-")[1]);
  return { leader, follower: (leader + 1) % 3 };
}

/** The folder of one node under the ports of the fourth place. */
function elsewhere(one: Site, at: number, folder: string): string[] {
  return one
    .flags(3, "--raft")
    .map((flag) => flag.replace("--node-id=node-3", `--node-id=node-${at}`))
    .map((flag) => (flag.startsWith("--data-dir") ? `--data-dir=${join(one.folder, folder)}` : flag));
}

describe("a member that comes back at another address", () => {
  test("is found there by everybody, since it has the key of its folder", async () => {
    const one = site(4);
    const nodes = await threeOf(one);
    const { follower } = await rolesIn(one);
    await nodes[follower]?.end("SIGTERM");
    await startAgent(elsewhere(one, follower, `n${follower}`), {}, { isReadyAwaited: false });
    const wanted = { address: `127.0.0.1:${one.peer[3]}`, http_address: `127.0.0.1:${one.http[3]}` };
    for (const at of [0, 1, 2].filter((other) => other !== follower)) {
      while ((await peerOf(one.urls[at], `node-${follower}`))?.address !== wanted.address) await Bun.sleep(50);
      expect(await peerOf(one.urls[at], `node-${follower}`)).toMatchObject(wanted);
    }
    await untilPut(one.urls[3], "a");
  }, 120_000);

  test("changes nothing while it still answers at the old one: it is a copy", async () => {
    const one = site(4);
    const nodes = await threeOf(one);
    const { leader, follower } = await rolesIn(one);
    await nodes[follower]?.end("SIGTERM");
    cpSync(join(one.folder, `n${follower}`), join(one.folder, "copy"), { recursive: true });
    await startAgent(one.flags(follower, "--raft"), {}, { isReadyAwaited: false });
    const copy = launchAgent(elsewhere(one, follower, "copy"));
    const leaderSays = (text: string): boolean => nodes[leader]?.log().includes(text) === true;
    // Or the members know by then that its folder is behind the other one, or that there are two of it.
    const isRefused = (): boolean =>
      leaderSays("still answers at its old address") ||
      leaderSays("Two live processes claim to be one member") ||
      copy.log().includes("put back to an older one");
    while (!isRefused()) await Bun.sleep(20);
    expect((await peerOf(one.urls[leader], `node-${follower}`))?.address).toBe(`127.0.0.1:${one.peer[follower]}`);
  }, 120_000);
});

test("whoever has a join token and the name of a member is not believed to be that member", async () => {
  const one = site(4);
  const nodes = await threeOf(one);
  const { leader, follower } = await rolesIn(one);
  await nodes[follower]?.end("SIGTERM");
  const own = await identityIn(join(one.folder, `n${follower}`));
  const [leaderAddress, address] = [`127.0.0.1:${one.peer[leader]}`, `127.0.0.1:${one.peer[3]}`];
  const said: Omit<Member, "id" | "incarnation"> = {
    name: "liar",
    address,
    httpAddress: "127.0.0.1:1",
    zone: "",
    version: "0",
    commandVersion: 1,
    nonVoter: false,
    admitted: 1,
    publicKey: "",
  };
  const turnedAway: string[] = [];
  const liar = createTcpTransport({
    clock: createSystemClock(),
    random: Math.random,
    bind: { host: "127.0.0.1", port: one.peer[3] ?? 0 },
    self: () => ({
      protocolMin: 1,
      protocolMax: 1,
      clusterId: own.clusterId,
      epoch: own.epoch,
      id: own.nodeId,
      name: "liar",
      incarnation: own.incarnation,
      boot: "00000000000000cc",
      seq: 1e6,
      lastIndex: 0,
      version: "0",
      commandVersion: 1,
      address,
    }),
    peerKey: mintPeerKey(),
    clusterVersion: () => 1,
    tokens: () => ["secret"],
    tls: () => undefined,
    warn: (message) => void turnedAway.push(message),
    onRejected: () => undefined,
    snapshots: { sendsMax: 1, bytesPerSecond: Infinity },
  });
  liar.listen();
  const ask = async (method: string, body: Uint8Array): Promise<Introduction> =>
    new Promise((resolve, reject) => {
      liar.ask(leaderAddress, { method, body, timeoutMs: 5000 }, (outcome, peer) => {
        if (outcome.kind === "answer" && peer !== undefined) resolve(peer);
        else reject(new Error(`${method}: ${outcome.kind}`));
      });
    });
  // As a member: dropped, with a reason.
  const { id, incarnation } = await ask("standing", new Uint8Array(0));
  liar.setMembers([{ ...said, id, incarnation, address: leaderAddress }]);
  while (!turnedAway.some((message) => message.includes("does not have the key"))) await Bun.sleep(20);
  // As one that asks: heard, and nothing comes of it.
  const body = encodeAdmission({
    member: { ...said, id: own.nodeId, incarnation: own.incarnation },
    formerCluster: "",
  });
  for (const method of ["record", "admit"]) await ask(method, body);
  await untilPut(one.urls[leader], "a");
  const known = await peerOf(one.urls[leader], own.nodeId);
  expect(known).toMatchObject({
    address: `127.0.0.1:${one.peer[follower]}`,
    http_address: `127.0.0.1:${one.http[follower]}`,
  });
  const metrics = await (await fetch(`${one.urls[leader]}/metrics`)).text();
  expect(metrics).toMatch(/konsul_peer_rejected_total\{reason="identity"\} [1-9]/);
  await new Promise<void>((resolve) => liar.stop(resolve));
}, 120_000);

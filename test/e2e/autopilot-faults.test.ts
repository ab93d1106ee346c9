import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, konsul } from "./agent-process.ts";
import { AutopilotNodes, PATIENT, stateOf, type ClusterState } from "./autopilot-nodes.ts";
import { canTrace, injectIntoSyncs } from "./disk-faults/tracer.ts";
import { buildNewer } from "./newer-build.ts";
import { startWriters } from "./steady-writers.ts";

afterEach(cleanUp);

const isLong = process.env["KONSUL_LONG"] === "1";
if (!canTrace()) console.log("SKIP: slow and stalled disks are made with strace, as root");
if (!isLong) console.log("note: autopilot with a partition in the middle of each action runs with --long");

const named = (count: number): readonly { readonly id: string }[] =>
  Array.from({ length: count }, (_, at) => ({ id: `v${at}` }));

test("followers stay healthy while the leader writes as much as it can", async () => {
  const nodes = new AutopilotNodes(named(3), [...PATIENT, "--autopilot-max-trailing-logs=100"]);
  await nodes.startAll();
  const { leader = "" } = await nodes.until(({ voters, healthy }) => voters.length === 3 && healthy.length === 3);
  const url = nodes.urlOf(leader);
  const stop = startWriters([url], 64);
  const committed = async (): Promise<number> =>
    Number(Object(await (await fetch(`${url}/cluster/status`)).json()).stats.commit_index);
  const from = await committed();
  const seen: (readonly string[])[] = [];
  // Long enough to be judged many times, and far more writes than a follower may be behind.
  while (seen.length < 40 || (await committed()) < from + 500) {
    const state = await stateOf(url);
    if (state !== undefined) seen.push(state.healthy);
    await Bun.sleep(100);
  }
  const { strange } = await stop();
  expect(strange).toEqual([]);
  expect(seen.filter((healthy) => healthy.length < 3)).toEqual([]);
}, 120_000);

const isFormed = ({ voters, healthy }: ClusterState): boolean => voters.length === 3 && healthy.length === 3;

/** A whole election timeout is far above what slow writes take: only autopilot minds them. */
const FOR_AUTOPILOT = PATIENT.map((flag) => flag.replace(/^--election-timeout=.*/, "--election-timeout=20s"));

/** Every sync of its disk takes so much longer, from now on. */
async function slowDown(nodes: AutopilotNodes, id: string, ms: number): Promise<() => Promise<void>> {
  const agent = nodes.agents.get(id);
  if (agent === undefined) throw new Error(`${id} does not run`);
  return injectIntoSyncs(agent, `delay_enter=${ms * 1000}`);
}

/** Autopilot looks at the last ten seconds: somebody must write. */
async function writeUntil(nodes: AutopilotNodes, isReached: () => boolean): Promise<void> {
  const stop = startWriters(
    [...nodes.agents.values()].map(({ url }) => url),
    4,
  );
  while (!isReached()) await Bun.sleep(100);
  await stop();
}

describe.skipIf(!canTrace())("a leader whose disk", () => {
  test("answers nothing any more loses the lead within an election timeout, and writes go on", async () => {
    const nodes = new AutopilotNodes(named(3), PATIENT);
    await nodes.startAll();
    const { leader: sick = "" } = await nodes.until(isFormed);
    const undo = await slowDown(nodes, sick, 30_000);
    void fetch(`${nodes.urlOf(sick)}/kv/stalled`, { method: "PUT", body: "x" }).catch(() => undefined);
    await nodes.until(({ leader }) => leader !== undefined && leader !== sick);
    await nodes.untilWritable("meanwhile");
    expect(nodes.logOf(sick)).toMatch(/This node is follower/);
    await undo();
    await nodes.until(isFormed);
    expect((await fetch(`${nodes.urlOf(sick)}/kv/meanwhile?consistent&raw`)).status).toBe(200);
  }, 240_000);

  test("is slow with every write hands over by itself, and says why", async () => {
    const nodes = new AutopilotNodes(named(3), FOR_AUTOPILOT);
    await nodes.startAll();
    const { leader: sick = "" } = await nodes.until(isFormed);
    const undo = await slowDown(nodes, sick, 600);
    await writeUntil(nodes, () => nodes.logOf(sick).includes("hands leadership to"));
    expect(nodes.logOf(sick)).toMatch(/its disk takes \d+ ms for a write/);
    await nodes.until(({ leader }) => leader !== undefined && leader !== sick);
    await undo();
    await nodes.until(isFormed);
  }, 240_000);
});

test("a leader whose event loop chokes hands over by itself", async () => {
  const nodes = new AutopilotNodes(named(3), PATIENT);
  await nodes.startAll();
  const { leader: sick = "" } = await nodes.until(isFormed);
  const isTold = (): boolean => nodes.logOf(sick).includes("hands leadership to");
  while (!isTold()) {
    nodes.pause(sick);
    await Bun.sleep(1200);
    nodes.resume(sick);
    await Bun.sleep(100);
    // On a busy machine it may lose the lead by an election before it gives it away.
    const other = [...nodes.agents.keys()].find((id) => id !== sick) ?? "";
    const now = await stateOf(nodes.urlOf(other));
    if (now !== undefined && !isTold())
      await konsul(["cluster", "transfer", "--to", sick], { url: nodes.urlOf(other) });
  }
  expect(nodes.logOf(sick)).toMatch(/its event loop is \d+ ms late/);
  await nodes.until(({ leader }) => leader !== undefined && leader !== sick);
}, 240_000);

describe.skipIf(!isLong)("with a partition in the middle", () => {
  test("a dead voter is removed, who was cut off for a while is not, and nobody below the minimum", async () => {
    const flags = ["--autopilot-dead-server-after=6s", "--autopilot-min-quorum=4"];
    const nodes = new AutopilotNodes(named(5), [...PATIENT, ...flags]);
    await nodes.startAll();
    const { leader: first = "", voters } = await nodes.until((state) => state.voters.length === 5);
    const [dead = "", next = ""] = voters.filter((id) => id !== first);
    await nodes.kill(dead);
    nodes.pause(first);
    await nodes.until(({ leader }) => leader !== undefined && leader !== first);
    nodes.resume(first);
    const removed = await nodes.until((state) => !state.voters.includes(dead));
    expect(removed.voters).toEqual(voters.filter((id) => id !== dead));
    // Four are left, as many as there must be: the next one stays, however long it is dead.
    await nodes.kill(next);
    const until = performance.now() + 15_000;
    while (performance.now() < until) {
      for (const { url } of nodes.agents.values()) expect((await stateOf(url))?.voters.length ?? 4).toBe(4);
      await Bun.sleep(500);
    }
  }, 240_000);

  test("a standby takes over although the leader was cut off just then", async () => {
    const zones = ["a", "b", "c", "a", "b"];
    const nodes = new AutopilotNodes(
      zones.map((zone, at) => ({ id: `${zone}${at}`, zone })),
      [...PATIENT, "--autopilot-redundancy-zones"],
    );
    await nodes.startAll();
    const formed = await nodes.until(({ voters, members }) => voters.length === 3 && members.length === 5);
    const { leader = "" } = formed;
    const victim = formed.voters.find((id) => id !== leader && !id.startsWith("c")) ?? "";
    const standby = formed.members.find((id) => id[0] === victim[0] && id !== victim) ?? "";
    await nodes.kill(victim);
    nodes.pause(leader);
    const other = formed.voters.find((id) => id !== leader && id !== victim) ?? "";
    const sees = async (): Promise<unknown> =>
      Object(await (await fetch(`${nodes.urlOf(other)}/cluster/status`)).json()).leader;
    while ((await sees()) !== null) await Bun.sleep(100);
    nodes.resume(leader);
    const after = await nodes.until(({ voters }) => voters.includes(standby) && !voters.includes(victim));
    expect(after.voters.map((id) => id[0])).toEqual(["a", "b", "c"]);
  }, 240_000);

  test("new nodes take over although the old leader was cut off just then", async () => {
    const newer = buildNewer();
    const ids = ["o1", "o2", "o3", "n1", "n2", "n3"];
    const nodes = new AutopilotNodes(
      ids.map((id) => ({ id, executable: id.startsWith("n") ? newer : KONSUL })),
      PATIENT,
    );
    for (const id of ids.slice(0, 3)) await nodes.start(id);
    await nodes.until(({ voters }) => voters.length === 3);
    for (const id of ["n1", "n2", "n3"]) await nodes.start(id);
    const { leader = "" } = await nodes.until(({ members }) => members.length === 6);
    nodes.pause(leader);
    const after = await nodes.until(
      ({ voters, leader: now }) => voters.includes("n3") && now?.startsWith("n") === true,
    );
    expect(after.voters).toEqual(["n1", "n2", "n3"]);
    nodes.resume(leader);
    const whole = await nodes.until(({ healthy }) => healthy.length === 6);
    expect([whole.voters, whole.members]).toEqual([["n1", "n2", "n3"], ids.toSorted()]);
  }, 240_000);

  test.skipIf(!canTrace())(
    "a leader whose disk is slow finds somebody although a voter was cut off just then",
    async () => {
      const nodes = new AutopilotNodes(named(3), FOR_AUTOPILOT);
      await nodes.startAll();
      const { leader: sick = "", voters } = await nodes.until(isFormed);
      const [cut = "", left = ""] = voters.filter((id) => id !== sick);
      const undo = await slowDown(nodes, sick, 600);
      nodes.pause(cut);
      // No request may reach who is cut off: it would be waited for.
      const stop = startWriters([nodes.urlOf(sick), nodes.urlOf(left)], 4);
      while (!nodes.logOf(sick).includes(`hands leadership to ${left}`)) await Bun.sleep(100);
      await stop();
      await nodes.until(({ leader }) => leader === left);
      nodes.resume(cut);
      await undo();
      expect((await nodes.until(isFormed)).voters).toEqual(voters);
    },
    240_000,
  );
});

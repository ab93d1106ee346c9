import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

/** Three voters that hand writes over themselves; the first one of the answer leads. */
async function startForwarding(): Promise<readonly [AgentProcess, AgentProcess, AgentProcess]> {
  const { leader, followers } = await startThreeNodes(["--follower-writes=forward"]);
  return [leader, ...followers];
}

async function put(node: AgentProcess, key: string, value: string): Promise<Response | undefined> {
  const request = { method: "PUT", body: value, redirect: "manual" } as const;
  return fetch(`${node.url}/kv/${key}`, request).catch(() => undefined);
}

/** Up to which entry the node's own snapshot goes; 0: it has none. */
async function snapshotOf(node: AgentProcess): Promise<unknown> {
  return Object(await (await fetch(`${node.url}/cluster/status`)).json()).stats.last_snapshot_index;
}

describe("with follower_writes forward", () => {
  test("every write works on a follower, and answers as the leader would", async () => {
    const [leader, follower] = await startForwarding();
    const stored = await put(follower, "a", "1");
    expect(stored?.status).toBe(200);
    expect(await stored?.json()).toMatchObject({ message: "Stored", key: "a" });
    expect(await (await fetch(`${follower.url}/kv/a?raw&consistent`)).text()).toBe("1");
    const conflict = await fetch(`${follower.url}/kv/a?cas=0`, { method: "PUT", body: "2", redirect: "manual" });
    expect(conflict.status).toBe(409);
    expect(await conflict.json()).toMatchObject({ error: "cas_conflict" });
    const operations = [{ op: "set", key: "b", value: "2" }];
    const txn = await fetch(`${follower.url}/kv/txn`, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", "X-Request-Id": "mine" },
      body: JSON.stringify({ operations }),
    });
    expect([txn.status, txn.headers.get("x-request-id")]).toEqual([200, "mine"]);
    const gone = await fetch(`${follower.url}/kv/a`, { method: "DELETE", redirect: "manual" });
    expect(gone.status).toBe(200);
    expect((await fetch(`${leader.url}/kv/a?consistent`)).status).toBe(404);
  });

  test("bad input is refused by the follower itself, in the leader's words", async () => {
    const [leader, follower] = await startForwarding();
    const bad = { method: "PUT", body: "{", headers: { "Content-Type": "application/json" } };
    const [there, here] = [await fetch(`${leader.url}/kv/a`, bad), await fetch(`${follower.url}/kv/a`, bad)];
    expect([there.status, here.status]).toEqual([400, 400]);
    const [one, other]: { readonly message?: string }[] = [Object(await there.json()), Object(await here.json())];
    expect(one?.message).toBe(other?.message ?? "");
  });

  test("a snapshot is taken by the leader, and with ?local by the node that was asked", async () => {
    const [leader, follower] = await startForwarding();
    expect((await put(leader, "a", "1"))?.status).toBe(200);
    // So that it has something to take.
    expect((await fetch(`${follower.url}/kv/a?consistent`)).status).toBe(200);
    const take = async (parameters: string): Promise<unknown> => {
      const taken = await fetch(`${follower.url}/cluster/snapshot${parameters}`, {
        method: "POST",
        redirect: "manual",
      });
      expect([parameters, taken.status]).toEqual([parameters, 200]);
      return Object(await taken.json()).index;
    };
    expect([await snapshotOf(leader), await snapshotOf(follower)]).toEqual([0, 0]);
    const own = await take("?local");
    expect(own).toBeGreaterThan(0);
    expect([await snapshotOf(leader), await snapshotOf(follower)]).toEqual([0, own]);
    expect((await put(leader, "a", "2"))?.status).toBe(200);
    const leaders = await take("");
    expect(leaders).toBeGreaterThan(Number(own));
    expect([await snapshotOf(leader), await snapshotOf(follower)]).toEqual([leaders, own]);
  });

  test("when the leader is killed under load, every success is found and every failure is told apart", async () => {
    const [leader, follower, other] = await startForwarding();
    const outcomes = new Map<string, number>();
    let isOver = false;
    const client = async (name: number): Promise<void> => {
      for (let at = 0; !isOver; at += 1) {
        const key = `c${name}-${at}`;
        outcomes.set(key, (await put(follower, key, key))?.status ?? 0);
      }
    };
    const clients = [0, 1, 2, 3].map(client);
    while (outcomes.size < 200) await Bun.sleep(5);
    await leader.end("SIGKILL");
    const before = [...outcomes.values()].filter((status) => status === 200).length;
    while ([...outcomes.values()].filter((status) => status === 200).length < before + 100) await Bun.sleep(5);
    isOver = true;
    await Promise.all(clients);
    expect([...new Set(outcomes.values())].filter((status) => ![200, 503, 504].includes(status))).toEqual([]);
    for (const [key, status] of outcomes) {
      const found = await fetch(`${other.url}/kv/${key}?raw&consistent`);
      if (status === 200) expect(await found.text()).toBe(key);
      // 503 says that the write did not happen.
      if (status === 503) expect(found.status).toBe(404);
    }
  });
});

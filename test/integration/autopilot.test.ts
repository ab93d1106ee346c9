import { expect, test } from "bun:test";
import type { NodeStatus } from "../../src/node/index.ts";
import { createManualClock } from "../../src/node/testing/manual-clock.ts";
import { Autopilot } from "../../src/cluster/index.ts";

/** A leader `a` of three voters, and a learner `d` that this leader has never heard. */
function statusAt(now: number, members: readonly string[]): NodeStatus {
  const key = (id: string): string => `${id}~0`;
  const peers = members.slice(1).map((id) => ({
    key: key(id),
    match: 5,
    lastContact: id === "d" ? -Infinity : now,
  }));
  const membership = {
    voters: ["a", "b", "c"].map(key),
    members: new Map(members.map((id) => [key(id), { id }])),
  };
  const core = { role: "leader", leader: key("a"), term: 1, lastIndex: 5, peers, membership };
  const status: NodeStatus = Object({ core, now, self: key("a") });
  return status;
}

test("a server that was let in a moment ago is not taken for dead before it had time to speak", async () => {
  const clock = createManualClock();
  const removed: string[] = [];
  let members = ["a", "b", "c"];
  const autopilot = new Autopilot({
    clock,
    status: () => statusAt(clock.now(), members),
    settings: () => ({
      cleanupDeadServers: true,
      lastContactThresholdMs: 500,
      trailingLogsMax: 1000,
      minQuorum: 0,
      deadServerAfterMs: 60_000,
      stabilizationMs: 0,
    }),
    remove: async (key) => {
      removed.push(key);
      return { kind: "done" };
    },
    note: () => undefined,
  });
  clock.advance(100_000);
  members = ["a", "b", "c", "d"];
  clock.advance(58_000);
  await Promise.resolve();
  expect(removed).toEqual([]);
  clock.advance(6_000);
  await Promise.resolve();
  expect(removed[0]).toBe("d~0");
  autopilot.stop();
});

import { expect, test } from "bun:test";
import type { NodeStatus } from "../../node/index.ts";
import { ServerWatch } from "./server-watch.ts";
import type { AutopilotSettings } from "./settings.ts";

test("ServerWatch allows a follower what the leader commits in a second, however often somebody looks", () => {
  let now = 0;
  const members = new Map(["a~0", "b~0"].map((key) => [key, { id: key.charAt(0) }]));
  const settings: AutopilotSettings = Object({ lastContactThresholdMs: 500, trailingLogsMax: 100 });
  const watch = new ServerWatch({
    clock: { now: () => now },
    settings: () => settings,
    status: (): NodeStatus => {
      const lastIndex = 1000 + now;
      const peers = [{ key: "b~0", match: lastIndex - 800, lastContact: now }];
      const membership = { voters: ["a~0", "b~0"], outgoing: [], members };
      const memberships = { membership, committedMembership: membership };
      const core = { role: "leader", leader: "a~0", term: 1, lastIndex, commit: lastIndex, peers, ...memberships };
      const status: NodeStatus = Object({ core, now, self: "a~0" });
      return status;
    },
  });
  for (let look = 0; look < 150; look += 1) {
    now += 20;
    watch.look();
  }
  expect(watch.look().servers.get("b")?.reasons).toEqual([]);
});

test("ServerWatch says that no voter may fail while three are being made of one", () => {
  const keys = ["a~0", "b~0", "c~0"];
  const members = new Map(keys.map((key) => [key, { id: key.charAt(0) }]));
  const settings: AutopilotSettings = Object({ lastContactThresholdMs: 500, trailingLogsMax: 100 });
  let outgoing = ["a~0"];
  const watch = new ServerWatch({
    clock: { now: () => 0 },
    settings: () => settings,
    status: (): NodeStatus => {
      const peers = keys.slice(1).map((key) => ({ key, match: 5, lastContact: 0 }));
      const membership = { voters: keys, outgoing, members };
      const memberships = { membership, committedMembership: membership };
      const core = { role: "leader", leader: "a~0", term: 1, lastIndex: 5, commit: 5, peers, ...memberships };
      const status: NodeStatus = Object({ core, now: 0, self: "a~0" });
      return status;
    },
  });
  expect(watch.look().failureTolerance).toBe(0);
  outgoing = [];
  expect(watch.look().failureTolerance).toBe(1);
});

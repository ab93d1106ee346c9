import { expect, test } from "bun:test";
import type { NodeStatus } from "../../src/node/index.ts";
import { createManualClock } from "../../src/node/testing/manual-clock.ts";
import { Autopilot } from "../../src/cluster/index.ts";

/** A leader `a` of three voters, and a learner `d` that this leader has never heard. */
function statusAt(now: number, members: readonly string[]): NodeStatus {
  const peers = members.slice(1).map((key) => ({
    key,
    match: 5,
    lastContact: key.startsWith("d") ? -Infinity : now,
  }));
  const membership = {
    voters: ["a~0", "b~0", "c~0"],
    outgoing: [],
    members: new Map(members.map((key) => [key, { id: key.split("~")[0] }])),
  };
  const core = {
    role: "leader",
    leader: "a~0",
    term: 1,
    lastIndex: 5,
    peers,
    membership,
    committedMembership: membership,
  };
  const status: NodeStatus = Object({ core, now, self: "a~0" });
  return status;
}

/** An autopilot that takes a server for dead after a minute, and what it removed. */
function start(transferred: "done" | "unknown" = "done"): {
  readonly clock: ReturnType<typeof createManualClock>;
  readonly autopilot: Autopilot;
  readonly removed: readonly string[];
  /** When leadership was to be handed over. */
  readonly transfers: readonly number[];
  /** The keys of the members from now on. */
  readonly setMembers: (keys: readonly string[]) => void;
} {
  const clock = createManualClock();
  const removed: string[] = [];
  const transfers: number[] = [];
  let members: readonly string[] = ["a~0", "b~0", "c~0"];
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
      hasRedundancyZones: false,
      hasUpgradeMigration: true,
    }),
    clusterAgeMs: () => 1_000_000,
    change: async ([change]) => {
      if (change?.kind === "remove") removed.push(change.key);
      return { kind: "done" };
    },
    transfer: async () => {
      transfers.push(clock.now());
      return transferred === "done" ? { kind: "done" } : { kind: "unknown", reason: "it took too long" };
    },
    hold: () => undefined,
    note: () => undefined,
  });
  return { clock, autopilot, removed, transfers, setMembers: (keys) => void (members = keys) };
}

test("a server that was let in a moment ago is not taken for dead before it had time to speak", async () => {
  const { clock, autopilot, removed, setMembers } = start();
  clock.advance(100_000);
  setMembers(["a~0", "b~0", "c~0", "d~0"]);
  clock.advance(58_000);
  await Promise.resolve();
  expect(removed).toEqual([]);
  clock.advance(6_000);
  await Promise.resolve();
  expect(removed[0]).toBe("d~0");
  autopilot.stop();
});

test("a server that came back with an empty folder is not taken for the silent one that it replaced", async () => {
  const { clock, autopilot, removed, setMembers } = start();
  setMembers(["a~0", "b~0", "c~0", "d~0"]);
  clock.advance(56_000);
  setMembers(["a~0", "b~0", "c~0", "d~1"]);
  clock.advance(58_000);
  await Promise.resolve();
  expect(removed).toEqual([]);
  clock.advance(6_000);
  await Promise.resolve();
  expect(removed[0]).toBe("d~1");
  autopilot.stop();
});

for (const [transferred, pauseMs] of [
  ["done", 300_000],
  ["unknown", 10_000],
] as const) {
  test(`a leader with a slow disk hands over again after ${pauseMs} ms when the last time was ${transferred}`, async () => {
    const { clock, autopilot, transfers } = start(transferred);
    while (clock.now() < 700_000) {
      clock.advance(500);
      autopilot.condition.onWrite(clock.now(), 1000);
      // What came of it is known before the next look.
      for (let at = 0; at < 5; at += 1) await Promise.resolve();
    }
    const pauses = transfers.slice(1).map((at, before) => at - (transfers[before] ?? 0));
    expect(pauses).toEqual(Array.from({ length: pauses.length }, () => pauseMs));
    expect(pauses.length).toBeGreaterThan(1);
    autopilot.stop();
  });
}

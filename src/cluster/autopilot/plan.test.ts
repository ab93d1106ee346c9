import { describe, expect, test } from "bun:test";
import { createPrng, type Prng } from "../../base/index.ts";
import type { Action, PlanInput, PlannedServer } from "./plan-types.ts";
import { plan } from "./plan.ts";
import type { AutopilotSettings } from "./settings.ts";

const SETTINGS: AutopilotSettings = {
  cleanupDeadServers: true,
  lastContactThresholdMs: 500,
  trailingLogsMax: 1000,
  minQuorum: 0,
  deadServerAfterMs: 60_000,
  stabilizationMs: 10_000,
  hasRedundancyZones: false,
  hasUpgradeMigration: true,
};

function server(id: string, more: Partial<PlannedServer> = {}): PlannedServer {
  return {
    id,
    isVoter: true,
    isLeader: false,
    isNonVoter: false,
    isHealthy: true,
    isCaughtUp: true,
    stableMs: 100_000,
    silentMs: 10,
    zone: "",
    version: "1.0.0",
    ...more,
  };
}

const leader = (id: string, more: Partial<PlannedServer> = {}): PlannedServer =>
  server(id, { isLeader: true, silentMs: 0, ...more });
const learner = (id: string, more: Partial<PlannedServer> = {}): PlannedServer =>
  server(id, { isVoter: false, ...more });
const dead = (id: string, more: Partial<PlannedServer> = {}): PlannedServer =>
  server(id, { isHealthy: false, silentMs: 100_000, ...more });

function planOf(servers: readonly PlannedServer[], more: Partial<PlanInput> = {}): ReturnType<typeof plan> {
  return plan({ servers, settings: SETTINGS, ledMs: 1_000_000, isForming: false, ownTrouble: undefined, ...more });
}

function zoned(more: Partial<AutopilotSettings> = {}): Partial<PlanInput> {
  return { settings: { ...SETTINGS, cleanupDeadServers: false, hasRedundancyZones: true, ...more } };
}

/** Promotions and demotions of a change; undefined: it is none. */
function changeOf(action: Action | undefined): readonly [readonly string[], readonly string[]] | undefined {
  return action?.kind === "voters" ? [action.promote, action.demote] : undefined;
}

describe("plan(): promotion", () => {
  const voters = [leader("a"), server("b"), server("c")];

  test("waits until a learner was healthy for the stabilization time, and says for how long it has been", () => {
    const early = planOf([...voters, learner("d", { stableMs: 9_000 })]);
    expect(early).toEqual({ action: undefined, waiting: [{ id: "d", reason: "healthy for 9 s of 10 s" }] });
    expect(changeOf(planOf([...voters, learner("d", { stableMs: 10_000 })]).action)).toEqual([["d"], []]);
  });

  test("does not wait while the cluster forms, but for those that have not caught up or are not healthy", () => {
    const forming = { isForming: true };
    const fresh = { stableMs: 0 };
    expect(changeOf(planOf([...voters, learner("d", fresh)], forming).action)).toEqual([["d"], []]);
    expect(planOf([...voters, learner("d", { ...fresh, isCaughtUp: false })], forming).waiting).toEqual([
      { id: "d", reason: "it has not caught up yet" },
    ]);
    expect(planOf([...voters, learner("d", { ...fresh, isHealthy: false })], forming).action).toBeUndefined();
  });

  test("leaves those alone that are no voters for good", () => {
    expect(planOf([...voters, learner("d", { isNonVoter: true })])).toEqual({ action: undefined, waiting: [] });
  });

  test("holds a lone second voter for a while, and makes voters of two at once", () => {
    const forming = { isForming: true };
    const fresh = { stableMs: 1_000 };
    expect(planOf([leader("a"), learner("b", fresh)], forming).action).toBeUndefined();
    expect(changeOf(planOf([leader("a"), learner("b", { stableMs: 3_000 })], forming).action)).toEqual([["b"], []]);
    const two = planOf([leader("a"), learner("b", fresh), learner("c", fresh)], forming);
    expect(changeOf(two.action)).toEqual([["b", "c"], []]);
  });

  test("changes nothing without a majority of the living, before and after", () => {
    const ready = learner("d");
    expect(planOf([leader("a"), dead("b"), dead("c"), ready], { ledMs: 0 }).action).toBeUndefined();
    expect(planOf([leader("a"), server("b"), dead("c"), dead("e"), ready], { ledMs: 0 }).action).toBeUndefined();
  });
});

describe("plan(): dead servers", () => {
  test("are removed after their time, not by a leader that has not led for as long, and never below the minimum", () => {
    const servers = [leader("a"), server("b"), server("c"), dead("d")];
    expect(planOf(servers).action).toMatchObject({ kind: "remove", id: "d" });
    expect(planOf(servers, { ledMs: 59_000 }).action).toBeUndefined();
    expect(planOf(servers, { settings: { ...SETTINGS, minQuorum: 4 } }).action).toBeUndefined();
    expect(planOf(servers, { settings: { ...SETTINGS, cleanupDeadServers: false } }).action).toBeUndefined();
    expect(planOf([leader("a"), dead("b"), dead("c")]).action).toBeUndefined();
  });
});

describe("plan(): min_quorum", () => {
  const zones = ["a", "b", "c", "a", "b"];
  const settings = { ...SETTINGS, hasRedundancyZones: true, minQuorum: 5 };

  test("does not say how many vote: zones that are turned on demote as many as they would without it", () => {
    const five = zones.map((zone, at) => server(`s${at}`, { zone, isLeader: at === 0 }));
    expect(changeOf(planOf(five, { settings }).action)).toEqual([[], ["s3", "s4"]]);
  });

  test("keeps dead servers that voted before they stand by, as long as they may vote again", () => {
    const standby = zones.map((zone, at) => server(`s${at}`, { zone, isLeader: at === 0, isVoter: at < 3 }));
    const gone = { isHealthy: false, silentMs: 100_000 };
    const three = standby.map((one) => (one.isVoter ? one : { ...one, ...gone }));
    expect(planOf(three, { settings }).action).toBeUndefined();
    expect(planOf(three, { settings: { ...settings, minQuorum: 4 } }).action).toMatchObject({
      kind: "remove",
      id: "s3",
    });
    const forGood = three.map((one) => (one.id === "s4" ? { ...one, isNonVoter: true } : one));
    expect(planOf(forGood, { settings }).action).toMatchObject({ kind: "remove", id: "s4" });
  });
});

describe("plan(): redundancy zones", () => {
  const five = [
    leader("a1", { zone: "a" }),
    learner("a2", { zone: "a" }),
    server("b1", { zone: "b" }),
    learner("b2", { zone: "b" }),
    server("c1", { zone: "c" }),
  ];
  const changed = (...others: readonly PlannedServer[]): readonly PlannedServer[] =>
    five.map((one) => others.find(({ id }) => id === one.id) ?? one);

  test("one voter in each zone is enough: the others stand by", () => {
    expect(planOf(five, zoned())).toEqual({
      action: undefined,
      waiting: [
        { id: "a2", reason: "it stands by in zone a" },
        { id: "b2", reason: "it stands by in zone b" },
      ],
    });
  });

  test("the standby of a zone takes over from its voter in one change, once that was gone for long enough", () => {
    const silent = { isHealthy: false, stableMs: 9_000 };
    expect(planOf(changed(server("b1", { zone: "b", ...silent })), zoned()).action).toBeUndefined();
    const gone = changed(dead("b1", { zone: "b" }));
    expect(changeOf(planOf(gone, zoned()).action)).toEqual([["b2"], ["b1"]]);
  });

  test("a zone without a standby is stood in for by another zone, and gets its voter back when it returns", () => {
    const gone = changed(dead("c1", { zone: "c" }));
    expect(changeOf(planOf(gone, zoned()).action)).toEqual([["a2"], ["c1"]]);
    const after = changed(server("a2", { zone: "a" }), dead("c1", { zone: "c", isVoter: false }));
    expect(planOf(after, zoned()).action).toBeUndefined();
    const back = changed(server("a2", { zone: "a" }), learner("c1", { zone: "c" }));
    expect(changeOf(planOf(back, zoned()).action)).toEqual([["c1"], ["a2"]]);
  });

  test("a zone that is gone with nobody to stand in keeps its voter", () => {
    const three = [leader("a1", { zone: "a" }), server("b1", { zone: "b" }), dead("c1", { zone: "c" })];
    expect(planOf(three, zoned()).action).toBeUndefined();
  });

  test("turned on later, the second voters of a zone become standbys, never the leader, and never below three voters", () => {
    const all = five.map((one) => ({ ...one, isVoter: true, isLeader: one.id === "a2" }));
    expect(changeOf(planOf(all, zoned()).action)).toEqual([[], ["a1", "b2"]]);
    const twoZones = [
      leader("a1", { zone: "a" }),
      server("a2", { zone: "a" }),
      server("b1", { zone: "b" }),
      server("b2", { zone: "b" }),
    ];
    expect(changeOf(planOf(twoZones, zoned()).action)?.[1]).toHaveLength(1);
  });

  test("servers without a zone are zones of their own", () => {
    const plain = [leader("a"), server("b"), learner("c")];
    expect(changeOf(planOf(plain, zoned()).action)).toEqual([["c"], []]);
  });
});

describe("plan(): a newer release", () => {
  const old = [leader("o1"), server("o2"), server("o3")];
  const next = { version: "1.1.0" };

  test("waits until it has as many servers as there are voters, then takes over in one change", () => {
    const two = planOf([...old, learner("n1", next), learner("n2", next)]);
    expect(two.action).toBeUndefined();
    expect(two.waiting[0]).toEqual({
      id: "n1",
      reason: "2 of 3 servers of release 1.1.0 are ready to take over",
    });
    const three = [...old, learner("n1", next), learner("n2", next), learner("n3", next)];
    expect(changeOf(planOf(three).action)).toEqual([
      ["n1", "n2", "n3"],
      ["o1", "o2", "o3"],
    ]);
    const unstable = three.map((one) => (one.id === "n3" ? { ...one, stableMs: 1_000 } : one));
    expect(planOf(unstable).action).toBeUndefined();
  });

  test("afterwards the old ones stay what they are: demoted, not removed, not promoted again", () => {
    const after = [
      leader("n1", next),
      server("n2", next),
      server("n3", next),
      learner("o1"),
      learner("o2"),
      learner("o3"),
    ];
    const { action, waiting } = planOf(after);
    expect(action).toBeUndefined();
    expect(waiting.map(({ id }) => id)).toEqual(["o1", "o2", "o3"]);
    expect(waiting[0]?.reason).toContain("older than what every voter runs");
  });

  test("exchanges nobody where the release is changed in place", () => {
    const mixed = [leader("a", next), server("b"), learner("c", next)];
    expect(changeOf(planOf(mixed).action)).toEqual([["c"], []]);
    expect(planOf([leader("a", next), server("b", next), server("c")]).action).toBeUndefined();
  });

  test("is like any other when migration is off or a version cannot be read", () => {
    const off = { settings: { ...SETTINGS, hasUpgradeMigration: false } };
    expect(changeOf(planOf([...old, learner("n1", next)], off).action)).toEqual([["n1"], []]);
    expect(changeOf(planOf([...old, learner("n1", { version: "new" })]).action)).toEqual([["n1"], []]);
  });

  test("with zones, one new server of each zone takes over", () => {
    const zones = ["a", "b", "c"];
    const before = zones.map((zone) => server(`o-${zone}`, { zone, isLeader: zone === "a" }));
    const newer = ["a", "a", "b", "c"].map((zone, at) => learner(`n${at}-${zone}`, { zone, ...next }));
    const [promote, demote] = changeOf(planOf([...before, ...newer], zoned()).action) ?? [];
    expect(promote?.map((id) => id.slice(-1)).toSorted()).toEqual(zones);
    expect(demote).toEqual(["o-a", "o-b", "o-c"]);
  });
});

describe("plan(): a leader in trouble", () => {
  test("hands over to the voter that was healthy for longest, and to nobody if there is none", () => {
    const ownTrouble = "its disk takes 400 ms for a write";
    const servers = [leader("a"), server("b", { stableMs: 20_000 }), server("c", { stableMs: 30_000 }), learner("d")];
    expect(planOf(servers, { ownTrouble }).action).toEqual({ kind: "transfer", to: "c", reason: ownTrouble });
    expect(planOf([leader("a"), dead("b")], { ownTrouble, ledMs: 0 }).action).toBeUndefined();
  });
});

describe("plan(): whatever the servers are", () => {
  function anyServer(prng: Prng, id: string): PlannedServer {
    const isHealthy = prng.chance(0.7);
    return server(id, {
      isVoter: prng.chance(0.6),
      isNonVoter: prng.chance(0.1),
      isHealthy,
      isCaughtUp: prng.chance(0.9),
      stableMs: prng.between(0, 200_000),
      silentMs: isHealthy ? 10 : prng.between(500, 200_000),
      zone: prng.pick(["", "a", "b", "c"]),
      version: prng.pick(["1.0.0", "1.1.0"]),
    });
  }

  test("what is left can decide, nobody is promoted who must not be, and it ends (seed 7)", () => {
    const prng = createPrng(7);
    for (let run = 0; run < 3_000; run += 1) {
      let servers: readonly PlannedServer[] = [
        leader("s0"),
        ...Array.from({ length: prng.between(0, 7) }, (_, at) => anyServer(prng, `s${at + 1}`)),
      ];
      const settings = { ...SETTINGS, hasRedundancyZones: prng.chance(0.5), minQuorum: prng.between(0, 3) };
      const isForming = prng.chance(0.3);
      let steps = 0;
      for (; steps < 20; steps += 1) {
        const { action } = planOf(servers, { settings, isForming });
        if (action === undefined) break;
        const before = servers.filter(({ isVoter }) => isVoter);
        const mayBefore = servers.filter(mayVote).length;
        servers = after(servers, action);
        const voters = servers.filter(({ isVoter }) => isVoter);
        const living = (list: readonly PlannedServer[]): number =>
          list.filter(({ isHealthy, isLeader }) => isHealthy || isLeader).length;
        if (action.kind === "voters") {
          expect(living(voters) * 2).toBeGreaterThan(voters.length);
          expect(living(before) * 2).toBeGreaterThan(before.length);
          for (const id of action.promote) expect(servers.find((one) => one.id === id)?.isNonVoter).toBe(false);
        }
        // Removing somebody who does not answer never makes it worse.
        if (action.kind === "remove") {
          expect(living(voters)).toBeGreaterThanOrEqual(living(before) - 1);
          const left = servers.filter(mayVote).length;
          if (left < mayBefore) expect(left).toBeGreaterThanOrEqual(settings.minQuorum);
        }
        expect(voters.length).toBeGreaterThan(0);
      }
      expect(steps).toBeLessThan(20);
    }
  });

  const mayVote = ({ isVoter, isNonVoter }: PlannedServer): boolean => isVoter || !isNonVoter;

  function after(servers: readonly PlannedServer[], action: Action): readonly PlannedServer[] {
    if (action.kind === "remove") return servers.filter(({ id }) => id !== action.id);
    if (action.kind === "transfer") throw new Error("nobody is in trouble");
    const changed = servers.map((one) => {
      if (action.promote.includes(one.id)) return { ...one, isVoter: true };
      return action.demote.includes(one.id) ? { ...one, isVoter: false } : one;
    });
    // A leader that was demoted hands over to a voter that lives.
    const leads = changed.find(({ isLeader, isVoter }) => isLeader && isVoter);
    const heir = leads ?? changed.find(({ isVoter, isHealthy }) => isVoter && isHealthy);
    return changed.map((one) => ({ ...one, isLeader: one === heir }));
  }
});

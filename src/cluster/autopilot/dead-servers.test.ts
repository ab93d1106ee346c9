import { describe, expect, test } from "bun:test";
import { nextDeadServer } from "./dead-servers.ts";

function cluster(alive: number, dead: number, deadLearners = 0): Parameters<typeof nextDeadServer>[0] {
  return [
    ...Array.from({ length: alive }, (_, at) => ({ id: `a${at}`, isVoter: true, mayVote: true, isDead: false })),
    ...Array.from({ length: dead }, (_, at) => ({ id: `d${at}`, isVoter: true, mayVote: true, isDead: true })),
    ...Array.from({ length: deadLearners }, (_, at) => ({ id: `l${at}`, isVoter: false, mayVote: true, isDead: true })),
  ];
}

describe("nextDeadServer()", () => {
  test("takes learners first, then a dead voter", () => {
    expect(nextDeadServer(cluster(3, 1, 1), 0)).toBe("l0");
    expect(nextDeadServer(cluster(3, 1), 0)).toBe("d0");
    expect(nextDeadServer(cluster(3, 0), 0)).toBeUndefined();
  });

  test("never removes anybody when a majority of the voters may be dead", () => {
    for (const [alive, dead] of [
      [1, 1],
      [1, 2],
      [2, 2],
      [2, 3],
    ] as const) {
      expect(nextDeadServer(cluster(alive, dead), 0)).toBeUndefined();
    }
  });

  test("never leaves fewer voters than the minimum", () => {
    expect(nextDeadServer(cluster(3, 1), 4)).toBeUndefined();
    expect(nextDeadServer(cluster(3, 1), 3)).toBe("d0");
    expect(nextDeadServer(cluster(4, 1), 4)).toBe("d0");
  });

  test("leaves as many that vote or may as the minimum says, and does not count read replicas", () => {
    expect(nextDeadServer(cluster(3, 0, 2), 5)).toBeUndefined();
    expect(nextDeadServer(cluster(3, 0, 2), 4)).toBe("l0");
    expect(nextDeadServer(cluster(3, 0, 1), 4)).toBeUndefined();
    const replica = { id: "r", isVoter: false, mayVote: false, isDead: true };
    expect(nextDeadServer([...cluster(3, 0, 2), replica], 5)).toBe("r");
    // A dead learner that is left alone lets no dead voter go either.
    expect(nextDeadServer(cluster(3, 1, 1), 5)).toBeUndefined();
  });

  test("what is left always has a living majority, however many are removed one after the other", () => {
    for (let alive = 1; alive < 8; alive += 1) {
      for (let dead = 0; dead < 8; dead += 1) {
        let servers = cluster(alive, dead);
        const before = servers.length;
        for (let id = nextDeadServer(servers, 0); id !== undefined; id = nextDeadServer(servers, 0)) {
          const gone = id;
          servers = servers.filter((server) => server.id !== gone);
          expect(alive * 2).toBeGreaterThan(servers.length);
        }
        if (alive * 2 <= before) expect(servers).toHaveLength(before);
      }
    }
  });
});

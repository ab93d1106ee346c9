import { describe, expect, test } from "bun:test";
import { createPrng, type LogIndex, type MemberKey } from "../base/index.ts";
import {
  bothVotes,
  committedIndex,
  hasQuorum,
  majorityCommitted,
  majorityVote,
  quorumSize,
  spareVoters,
  voteResult,
  type Electorate,
  type VoteResult,
} from "./quorum.ts";

const NONE: Electorate = { voters: [], outgoing: [] };

function electorate(voters: readonly MemberKey[], outgoing: readonly MemberKey[] = []): Electorate {
  return { voters, outgoing };
}

function acks(entries: Record<string, LogIndex>): (key: MemberKey) => LogIndex | undefined {
  const map = new Map(Object.entries(entries));
  return (key) => map.get(key);
}

/** The definition itself: the highest index among the acks that a majority reached. */
function dullCommitted(half: readonly MemberKey[], acked: (key: MemberKey) => LogIndex | undefined): number {
  const candidates = [0, ...half.map((key) => acked(key) ?? 0)];
  return Math.max(
    ...candidates.filter((index) => half.filter((key) => (acked(key) ?? 0) >= index).length * 2 > half.length),
  );
}

/** The definition itself: lost when even all missing votes could not win, won when they are not needed. */
function dullVote(half: readonly MemberKey[], votes: (key: MemberKey) => boolean | undefined): VoteResult {
  const wins = (missing: boolean): boolean => half.filter((key) => votes(key) ?? missing).length * 2 > half.length;
  if (wins(false)) return "won";
  return wins(true) ? "pending" : "lost";
}

/** The definition itself: how many may lose it, whichever they are, before a half has no majority; -1: one has none now. */
function dullSpare(halves: readonly (readonly MemberKey[])[], has: (key: MemberKey) => boolean): number {
  let lost = -1;
  while (halves.every((half) => (half.filter(has).length - (lost + 1)) * 2 > half.length)) lost += 1;
  return lost;
}

describe("Quorum.committedIndex()", () => {
  test("committedIndex() of one voter is its ack", () => {
    expect(committedIndex(electorate(["a"]), acks({ a: 7 }))).toBe(7);
  });

  test("committedIndex() of two voters is the smaller ack", () => {
    expect(committedIndex(electorate(["a", "b"]), acks({ a: 7, b: 5 }))).toBe(5);
  });

  test("committedIndex() of three voters is the middle ack", () => {
    expect(committedIndex(electorate(["a", "b", "c"]), acks({ a: 9, b: 5, c: 7 }))).toBe(7);
  });

  test("committedIndex() takes a voter that never acknowledged as 0", () => {
    expect(committedIndex(electorate(["a", "b"]), acks({ a: 7 }))).toBe(0);
  });

  test("committedIndex() counts nobody but voters", () => {
    expect(committedIndex(electorate(["a", "b", "c"]), acks({ a: 9, learner: 9, stranger: 9 }))).toBe(0);
  });

  test("committedIndex() of a joint membership needs both halves (§6)", () => {
    expect(committedIndex(electorate(["a", "b", "c"], ["d"]), acks({ a: 9, b: 9, c: 9, d: 2 }))).toBe(2);
    expect(committedIndex(electorate(["d"], ["a", "b", "c"]), acks({ a: 9, b: 9, c: 9, d: 2 }))).toBe(2);
  });

  test("committedIndex() without voters is 0, also with an outgoing half", () => {
    expect(committedIndex(NONE, () => 100)).toBe(0);
    expect(committedIndex(electorate([], ["a"]), () => 100)).toBe(0);
  });

  test("committedIndex() counts ids that are names of object properties", () => {
    const keys = ["__proto__~1", "10~1", "constructor~1"];
    const acked = new Map(keys.map((key, at) => [key, at + 1]));
    expect(committedIndex(electorate(keys), (key) => acked.get(key))).toBe(2);
  });

  test("committedIndex() of more voters than the scratch buffer holds is right too", () => {
    const keys = Array.from({ length: 33 }, (_, at) => `n${at}`);
    const acked = new Map(keys.map((key, at) => [key, (at * 7) % 33]));
    expect(committedIndex(electorate(keys), (key) => acked.get(key))).toBe(16);
  });
});

describe("Quorum.voteResult()", () => {
  test("voteResult() of three voters is won by two", () => {
    const votes = new Map([
      ["a", true],
      ["b", true],
    ]);
    expect(voteResult(electorate(["a", "b", "c"]), (key) => votes.get(key))).toBe("won");
  });

  test("voteResult() is pending while the missing votes decide", () => {
    const votes = new Map([
      ["a", true],
      ["b", false],
    ]);
    expect(voteResult(electorate(["a", "b", "c"]), (key) => votes.get(key))).toBe("pending");
  });

  test("voteResult() of four voters is lost by two refusals", () => {
    const votes = new Map([
      ["a", false],
      ["b", false],
    ]);
    expect(voteResult(electorate(["a", "b", "c", "d"]), (key) => votes.get(key))).toBe("lost");
  });

  test("voteResult() of a joint membership is lost when either half is lost (§6)", () => {
    const joint = electorate(["a"], ["b"]);
    expect(voteResult(joint, (key) => (key === "a" ? true : undefined))).toBe("pending");
    expect(voteResult(joint, (key) => key === "a")).toBe("lost");
    expect(voteResult(joint, (key) => key === "b")).toBe("lost");
    expect(voteResult(joint, () => true)).toBe("won");
  });

  test("voteResult() without voters is lost", () => {
    expect(voteResult(NONE, () => true)).toBe("lost");
  });
});

describe("Quorum.hasQuorum()", () => {
  test("hasQuorum() needs a majority of each half", () => {
    const joint = electorate(["a", "b", "c"], ["c", "d", "e"]);
    expect(hasQuorum(joint, (key) => ["a", "b"].includes(key))).toBe(false);
    expect(hasQuorum(joint, (key) => ["a", "c"].includes(key))).toBe(false);
    expect(hasQuorum(joint, (key) => ["a", "c", "d"].includes(key))).toBe(true);
  });

  test("hasQuorum() of two voters needs both", () => {
    expect(hasQuorum(electorate(["a", "b"]), (key) => key === "a")).toBe(false);
    expect(hasQuorum(electorate(["a", "b"]), () => true)).toBe(true);
  });

  test("hasQuorum() without voters is false", () => {
    expect(hasQuorum(NONE, () => true)).toBe(false);
  });
});

describe("Quorum.spareVoters()", () => {
  test("spareVoters() of three voters is one, and none once one of them is gone", () => {
    expect(spareVoters(electorate(["a", "b", "c"]), () => true)).toBe(1);
    expect(spareVoters(electorate(["a", "b", "c"]), (key) => key !== "b")).toBe(0);
    expect(spareVoters(electorate(["a", "b", "c"]), (key) => key === "a")).toBe(-1);
  });

  test("spareVoters() of a joint membership is that of the half that can spare fewer", () => {
    expect(spareVoters(electorate(["a", "b", "c"], ["a"]), () => true)).toBe(0);
    expect(spareVoters(electorate(["a"], ["a", "b", "c"]), () => true)).toBe(0);
    expect(spareVoters(electorate(["a", "b", "c", "d", "e"], ["a", "b", "c"]), () => true)).toBe(1);
  });
});

test("quorumSize() of two sets of the same voters always overlaps", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(quorumSize)).toEqual([1, 2, 2, 3, 3, 4, 4]);
});

test("majorityCommitted() and majorityVote() of an empty half limit nothing", () => {
  expect(majorityCommitted([], () => 3)).toBe(Infinity);
  expect(majorityVote([], () => false)).toBe("won");
});

test("the quorum functions agree with their definitions on 50 000 random memberships (seed 41)", () => {
  const prng = createPrng(41);
  const names = Array.from({ length: 12 }, (_, at) => `n${at}`);
  for (let round = 0; round < 50_000; round += 1) {
    const voters = names.filter(() => prng.chance(0.4));
    const outgoing = prng.chance(0.5) ? [] : names.filter(() => prng.chance(0.4));
    const acked = new Map<MemberKey, LogIndex>();
    const votes = new Map<MemberKey, boolean>();
    for (const name of names) {
      if (prng.chance(0.8)) acked.set(name, prng.between(0, 6));
      if (prng.chance(0.7)) votes.set(name, prng.chance(0.5));
    }
    const ack = (key: MemberKey): LogIndex | undefined => acked.get(key);
    const vote = (key: MemberKey): boolean | undefined => votes.get(key);
    const both = electorate(voters, outgoing);
    if (voters.length === 0) {
      expect([committedIndex(both, ack), voteResult(both, vote), hasQuorum(both, () => true)]).toEqual([
        0,
        "lost",
        false,
      ]);
      continue;
    }
    const isJoint = outgoing.length > 0;
    const committed = isJoint
      ? Math.min(dullCommitted(voters, ack), dullCommitted(outgoing, ack))
      : dullCommitted(voters, ack);
    expect(committedIndex(both, ack)).toBe(committed);
    const outcome = isJoint ? bothVotes(dullVote(voters, vote), dullVote(outgoing, vote)) : dullVote(voters, vote);
    expect(voteResult(both, vote)).toBe(outcome);
    const grants = (key: MemberKey): boolean => vote(key) === true;
    expect(hasQuorum(both, grants)).toBe(outcome === "won");
    const halves = isJoint ? [voters, outgoing] : [voters];
    expect(Math.max(-1, spareVoters(both, grants))).toBe(dullSpare(halves, grants));
  }
});

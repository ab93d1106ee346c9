import { expect, test } from "bun:test";
import { createPrng, type MemberKey } from "../../src/base/index.ts";
import { committedIndex, hasQuorum, voteResult } from "../../src/raft/index.ts";

test("rule 31: the committed index follows from all acks at once, in whatever order they came (openraft #1802)", () => {
  const prng = createPrng(31);
  const voters = ["a", "b", "c", "d", "e"];
  for (let round = 0; round < 200; round += 1) {
    const acked = new Map<MemberKey, number>();
    for (let step = 0; step < 20; step += 1) {
      // Acks of a re-added member may fall: nothing may be kept from before.
      acked.set(prng.pick(voters), prng.between(0, 50));
      const sorted = voters.map((key) => acked.get(key) ?? 0).toSorted((a, b) => b - a);
      expect(committedIndex({ voters, outgoing: [] }, (key) => acked.get(key))).toBe(sorted[2] ?? -1);
    }
  }
});

test("rule 41: a joint membership commits and elects only by a majority of both halves (openraft beb0302b)", () => {
  const joint = { voters: ["a", "b", "c"], outgoing: ["c", "d", "e"] };
  const newHalf = new Set(["a", "b", "c"]);
  const bothHalves = new Set(["a", "c", "d"]);
  expect(committedIndex(joint, (key) => (newHalf.has(key) ? 9 : 1))).toBe(1);
  expect(committedIndex(joint, (key) => (bothHalves.has(key) ? 9 : 1))).toBe(9);
  expect(voteResult(joint, (key) => newHalf.has(key))).toBe("lost");
  expect(voteResult(joint, (key) => bothHalves.has(key))).toBe("won");
  expect(hasQuorum(joint, (key) => newHalf.has(key))).toBe(false);
});

test("rule 41: without voters nothing commits and nobody is elected", () => {
  const nobody = { voters: [], outgoing: [] };
  expect(committedIndex(nobody, () => 9)).toBe(0);
  expect(voteResult(nobody, () => true)).toBe("lost");
  expect(hasQuorum(nobody, () => true)).toBe(false);
});

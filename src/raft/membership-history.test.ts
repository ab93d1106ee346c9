import { expect, test } from "bun:test";
import { MembershipHistory } from "./membership-history.ts";
import { keyOf, membershipOf } from "./testing/fixtures.ts";

const one = { index: 1, membership: membershipOf(["a", "b", "c"]) };
const two = { index: 5, membership: membershipOf(["a", "b"]) };
const three = { index: 9, membership: membershipOf(["a", "b", "d"]) };

test("MembershipHistory holds the last as effective and the last but one as committed", () => {
  const history = new MembershipHistory([one, two, three]);

  expect(history.effective).toBe(three);
  expect(history.committed).toBe(two);
  expect([0, 1, 4, 5, 8, 9, 99].map((index) => history.at(index).index)).toEqual([1, 1, 1, 5, 5, 9, 9]);
});

test("MembershipHistory.truncate() goes back by one membership, and never by two", () => {
  const history = new MembershipHistory([one, two, three]);

  expect(history.truncate(10)).toBe(false);
  expect(history.truncate(9)).toBe(true);
  expect(history.effective).toBe(two);
  expect(() => new MembershipHistory([one, two, three]).truncate(2)).toThrow("at most one");
});

test("MembershipHistory retires a pair when its removal is committed, not when it is appended", () => {
  const history = new MembershipHistory([one]);
  history.append(two);
  expect(history.retiredAt(keyOf("c"))).toBeUndefined();

  expect(history.commit(4)).toBe(false);
  expect(history.commit(5)).toBe(true);

  expect(history.retiredAt(keyOf("c"))).toBe(5);
  expect(history.wasMember(keyOf("c"))).toBe(true);
});

test("MembershipHistory.append() takes the one before as committed: a leader waits for that", () => {
  const history = new MembershipHistory([one]);
  history.append(two);
  history.append(three);
  expect(history.committed).toBe(two);
  expect(history.wasVoter(keyOf("c"))).toBe(true);
});

test("MembershipHistory.compact() keeps the membership in force at the base", () => {
  const history = new MembershipHistory([one, two, three]);
  history.compact(7);
  expect(history.at(7)).toBe(two);
  expect(history.wasVoter(keyOf("c"))).toBe(false);
});

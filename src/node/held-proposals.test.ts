import { expect, test } from "bun:test";
import { memberKey, utf8 } from "../base/index.ts";
import type { ProposeOutcome } from "./node-types.ts";
import { DEFAULT_NODE_LIMITS } from "./options.ts";
import type { TransportReceiver } from "./ports.ts";
import { foundedLog, IDENTITY, SELF } from "./testing/cluster-of-one.ts";
import { accepted, batchesOf, LEARNER, propose, proposeMany, startNode } from "./testing/started-node.ts";

test("proposals that are expected are waited for a moment, and leave in one batch", () => {
  const given = startNode();
  given.clock.advance(5000);
  const batches = batchesOf(given);
  proposeMany(given, 10);
  given.clock.advance(1);
  expect([batches, given.applied.length]).toEqual([[10], 10]);
  proposeMany(given, 4);
  given.clock.advance(0.5);
  proposeMany(given, 5);
  given.clock.advance(0);
  expect(batches).toEqual([10, 9]);
  given.clock.advance(1);
  proposeMany(given, 1);
  given.clock.advance(0.5);
  expect(batches).toEqual([10, 9]);
  given.clock.advance(0.5);
  expect(batches).toEqual([10, 9, 1]);
});

test("proposals that have no answer yet are expected again", () => {
  const heard: { receiver?: TransportReceiver } = {};
  let isSilent = false;
  const given = startNode({
    initial: foundedLog([LEARNER]),
    transport: {
      start: (receiver) => void (heard.receiver = receiver),
      send: (messages) => {
        for (const message of isSilent ? [] : messages) {
          if (message.kind === "append") heard.receiver?.onMessage(accepted(message));
        }
      },
    },
  });
  given.clock.advance(400);
  expect(given.node.status().core.membership.voters).toHaveLength(2);
  isSilent = true;
  const batches = batchesOf(given);
  proposeMany(given, 2);
  given.clock.advance(1);
  proposeMany(given, 3);
  given.clock.advance(0.5);
  // Two are under way, and three of five are not enough.
  expect(batches).toEqual([2]);
  given.clock.advance(0.5);
  expect(batches).toEqual([2, 3]);
});

test("proposals that fill a turn are not held for others", () => {
  const given = startNode();
  given.clock.advance(5000);
  proposeMany(given, 10);
  given.clock.advance(5);
  const batches = batchesOf(given);
  propose(given, "a".repeat(DEFAULT_NODE_LIMITS.turnProposalBytesMax));
  given.clock.advance(0);
  expect(batches).toEqual([1]);
});

test("a wait whose proposals are past their deadline says nothing about the next ones", () => {
  const given = startNode();
  given.clock.advance(5000);
  proposeMany(given, 10);
  given.clock.advance(5);
  const late: ProposeOutcome[] = [];
  given.node.propose(utf8("late"), given.clock.now() + 0.5, (outcome) => void late.push(outcome));
  given.clock.advance(1);
  expect(late).toMatchObject([{ kind: "refused" }]);
  const batches = batchesOf(given);
  propose(given, "next");
  given.clock.advance(0.5);
  expect(batches).toEqual([]);
  given.clock.advance(0.5);
  expect(batches).toEqual([1]);
});

test("a proposal that is held for others is refused at once when another leads", () => {
  const heard: { receiver?: TransportReceiver } = {};
  const given = startNode({
    initial: foundedLog([LEARNER]),
    transport: { start: (receiver) => void (heard.receiver = receiver) },
  });
  given.clock.advance(400);
  proposeMany(given, 10);
  given.clock.advance(5);
  const held = propose(given, "held");
  given.clock.advance(0.5);
  expect(held).toEqual([]);
  const { clusterId, epoch } = IDENTITY;
  const from = memberKey(LEARNER.id, LEARNER.incarnation);
  const to = memberKey(SELF.id, SELF.incarnation);
  const header = { clusterId, epoch, from, fromBoot: "00000000000000cc", to, term: 9, round: 1, session: 1 };
  heard.receiver?.onMessage({
    ...header,
    kind: "append",
    prevIndex: 99,
    prevTerm: 9,
    prevChain: 0,
    entries: [],
    commit: 0,
  });
  given.clock.advance(0);
  expect(held).toMatchObject([{ kind: "refused", refusal: { kind: "not-leader" } }]);
});

import { describe, expect, test } from "bun:test";
import type { NodeObserver, ProposeOutcome } from "./node-types.ts";
import { DEFAULT_NODE_LIMITS } from "./options.ts";
import { Proposals } from "./proposals.ts";
import { createManualClock } from "./testing/manual-clock.ts";

const observer: NodeObserver = {};

function given(): {
  readonly proposals: Proposals;
  readonly clock: ReturnType<typeof createManualClock>;
  readonly outcomes: ProposeOutcome[];
  readonly propose: (count: number, deadline?: number) => void;
} {
  const clock = createManualClock();
  const proposals = new Proposals(clock, { ...DEFAULT_NODE_LIMITS, waitingCountMax: 3 }, observer);
  const outcomes: ProposeOutcome[] = [];
  const propose = (count: number, deadline = 1000): void => {
    for (let at = 0; at < count; at += 1) {
      proposals.add(new Uint8Array([at]), deadline, (outcome) => void outcomes.push(outcome));
    }
  };
  return { proposals, clock, outcomes, propose };
}

describe("Proposals", () => {
  test("all of a turn are one event, and each is answered by its own entry", () => {
    const { proposals, outcomes, propose } = given();
    propose(2);
    const event = proposals.nextEvent(9, 0);
    expect(event).toMatchObject({ kind: "propose", request: 9, commands: [new Uint8Array([0]), new Uint8Array([1])] });
    proposals.onAccepted({ request: 9, index: 5, term: 2 });
    expect([proposals.waitingCount, proposals.underWayCount]).toEqual([0, 2]);
    proposals.onApplied({ index: 5, term: 2 }, "first");
    expect(proposals.underWayCount).toBe(1);
    expect(outcomes).toEqual([{ kind: "applied", index: 5, term: 2, result: "first" }]);
    proposals.onApplied({ index: 6, term: 2 }, "second");
    expect(outcomes[1]).toEqual({ kind: "applied", index: 6, term: 2, result: "second" });
    expect(proposals.isEmpty).toBe(true);
  });

  test("an entry of another term at the index is another's: the outcome is unknown (rule 36)", () => {
    const { proposals, outcomes, propose } = given();
    propose(1);
    proposals.nextEvent(1, 0);
    proposals.onAccepted({ request: 1, index: 5, term: 2 });
    proposals.onApplied({ index: 5, term: 3 }, "theirs");
    expect(outcomes).toMatchObject([{ kind: "unknown" }]);
  });

  test("what the core refused surely did not happen (rule 80)", () => {
    const { proposals, outcomes, propose } = given();
    propose(1);
    proposals.nextEvent(1, 0);
    expect(proposals.onRefused(1, { kind: "not-leader", leader: "b~1" })).toBe(true);
    expect(proposals.onRefused(2, { kind: "overloaded" })).toBe(false);
    expect(outcomes).toEqual([{ kind: "refused", refusal: { kind: "not-leader", leader: "b~1" } }]);
  });

  test("a turn is full at its budget of bytes, or at half of the bytes or the number that may wait", () => {
    const filled = (limits: Partial<typeof DEFAULT_NODE_LIMITS>, count: number): boolean => {
      const proposals = new Proposals(createManualClock(), { ...DEFAULT_NODE_LIMITS, ...limits }, observer);
      for (let at = 0; at < count; at += 1) proposals.add(new Uint8Array(1), 1000, () => undefined);
      return proposals.fillsTurn;
    };
    expect([filled({ turnProposalBytesMax: 3 }, 2), filled({ turnProposalBytesMax: 3 }, 3)]).toEqual([false, true]);
    expect([filled({ waitingBytesMax: 6 }, 2), filled({ waitingBytesMax: 6 }, 3)]).toEqual([false, true]);
    expect([filled({ waitingCountMax: 6 }, 2), filled({ waitingCountMax: 6 }, 3)]).toEqual([false, true]);
  });

  test("more than may wait is overloaded, and nothing of it is proposed", () => {
    const { proposals, clock, outcomes, propose } = given();
    propose(4);
    clock.advance(0);
    expect(outcomes).toEqual([{ kind: "refused", refusal: { kind: "overloaded" } }]);
    expect(proposals.nextEvent(1, 0)).toMatchObject({ commands: { length: 3 } });
  });

  test("a deadline makes an appended proposal unknown, and one that waits refused", () => {
    const { proposals, outcomes, propose } = given();
    propose(1, 100);
    proposals.nextEvent(1, 0);
    proposals.onAccepted({ request: 1, index: 5, term: 2 });
    proposals.expire(100, 0);
    propose(2, 100);
    expect(proposals.nextEvent(2, 100)).toBeUndefined();
    propose(1, 100);
    proposals.expire(100, 0);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["unknown", "refused", "refused", "refused"]);
    propose(3, 200);
    expect(proposals.nextEvent(3, 100)).toMatchObject({ commands: { length: 3 } });
  });

  test("truncation, a snapshot jump and lost leadership leave nobody waiting (rule 59)", () => {
    const { proposals, outcomes, propose } = given();
    propose(3);
    proposals.nextEvent(1, 0);
    proposals.onAccepted({ request: 1, index: 5, term: 2 });
    proposals.onTruncated(7);
    proposals.onJump(5);
    proposals.expire(0, 2);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["unknown", "unknown", "unknown"]);
    expect(proposals.isEmpty).toBe(true);
  });
});

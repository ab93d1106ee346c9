import { expect, test } from "bun:test";
import { Progress } from "./progress.ts";
import { RoundClock } from "./round-clock.ts";

test("Progress.acknowledge() frees what is in flight up to it, and says whether it was news", () => {
  const progress = new Progress("b~1", 1, 1, 0);
  progress.becomeReplicate();
  for (const last of [2, 4, 6]) {
    progress.addInflight(last, 10);
    progress.next = last + 1;
  }

  expect(progress.acknowledge(4)).toBe(true);
  expect(progress).toMatchObject({ match: 4, next: 7, inflightCount: 1, inflightBytes: 10 });
  expect(progress.acknowledge(3)).toBe(false);
  expect(progress.acknowledge(6)).toBe(true);
  expect(progress).toMatchObject({ match: 6, next: 7, inflightCount: 0, inflightBytes: 0 });
});

test("Progress.becomeProbe() never goes back into what matches, and forgets what is in flight", () => {
  const progress = new Progress("b~1", 9, 1, 0);
  progress.becomeReplicate();
  progress.addInflight(8, 10);
  progress.acknowledge(5);

  progress.becomeProbe(2);

  expect(progress).toMatchObject({ state: "probe", next: 6, inflightCount: 0, inflightBytes: 0, isPaused: false });
});

test("Progress.restart() keeps what this very process has on its disk", () => {
  const progress = new Progress("b~1", 9, 1, 0);
  progress.acknowledge(5);
  progress.becomeSnapshot(7);

  progress.restart(4);
  expect(progress).toMatchObject({ state: "probe", match: 5, session: 4, isSendingSnapshot: false });
});

test("Progress.forget() begins a catch-up round, as another process may have less", () => {
  const progress = new Progress("b~1", 9, 1, 0);
  progress.acknowledge(8);
  progress.isCaughtUp = true;

  progress.forget({ target: 9, startedAt: 5 });

  expect(progress).toMatchObject({ match: 0, isCaughtUp: false, catchUp: { target: 9, startedAt: 5 } });
});

test("RoundClock.sentAt() is never younger than the round", () => {
  const clock = new RoundClock();
  for (let round = 1; round <= 2000; round += 1) clock.record(round, round);

  for (let round = 1; round <= 2000; round += 7) expect(clock.sentAt(round)).toBeLessThanOrEqual(round);
  expect(clock.sentAt(2000)).toBeGreaterThan(1990);
  expect(new RoundClock().sentAt(1)).toBe(-Infinity);
});

import { expect, test } from "bun:test";
import { utf8 } from "../base/index.ts";
import { chainAfter, decodeMembership, type Entry } from "../raft/index.ts";
import type { ProposeOutcome, ReadOutcome } from "./node-types.ts";
import type { LogStore, TransportReceiver } from "./ports.ts";
import { foundedLog, snapshotMeta } from "./testing/cluster-of-one.ts";
import { accepted, LEARNER, propose, startNode, type StartedNode } from "./testing/started-node.ts";

test("RaftNode of one elects itself, and answers a proposal only when it is durable and applied", () => {
  const given = startNode();
  given.clock.advance(5000);
  expect(given.node.status().core.role).toBe("leader");
  const outcomes = propose(given, "a");
  given.clock.advance(0);
  expect([outcomes, given.applied]).toEqual([[], []]);
  given.clock.advance(5);
  expect(outcomes).toEqual([{ kind: "applied", index: 3, term: 2, result: "applied 3" }]);
  expect(given.applied).toEqual(["a"]);
});

test("RaftNode serves a linearizable read after its term's first entry is applied", () => {
  const given = startNode();
  given.clock.advance(5000);
  const outcomes: ReadOutcome[] = [];
  given.node.readPoint(given.clock.now() + 100, (outcome) => void outcomes.push(outcome));
  given.clock.advance(10);
  expect(outcomes).toEqual([{ kind: "ready", index: 2 }]);
});

test("RaftNode refuses while the disk is full, and goes on when there is space", () => {
  const given = startNode();
  given.clock.advance(5000);
  given.disk.isFull = true;
  const first = propose(given, "first");
  given.clock.advance(10);
  const second = propose(given, "second");
  given.clock.advance(10);
  expect(second).toEqual([{ kind: "refused", refusal: { kind: "disk-full" } }]);
  given.disk.isFull = false;
  given.clock.advance(1000);
  expect(first).toMatchObject([{ kind: "applied" }]);
  const third = propose(given, "third");
  given.clock.advance(10);
  expect(third).toMatchObject([{ kind: "applied" }]);
  expect(given.applied).toEqual(["first", "third"]);
});

test("RaftNode stops counting when its disk breaks a promise, and says why", () => {
  const given = startNode();
  given.clock.advance(5000);
  given.disk.isBroken = true;
  const lost = propose(given, "lost");
  given.clock.advance(10);
  expect(lost).toMatchObject([{ kind: "unknown" }]);
  expect(given.node.status().condition).toEqual({ kind: "untrusted", reason: "fsync failed" });
  const refused = propose(given, "refused");
  given.clock.advance(10);
  expect(refused).toEqual([{ kind: "refused", refusal: { kind: "untrusted", reason: "fsync failed" } }]);
});

test("RaftNode takes a snapshot at once when the log has grown by enough bytes, one at a time", () => {
  const begun: number[] = [];
  const given = startNode({
    thresholdBytes: 1000,
    freeze: () => ({ next: () => undefined, stateHash: "", hashVersion: 1, format: 1, release: () => undefined }),
    snapshots: {
      create: () => {
        begun.push(given.applied.length);
        return { write: () => undefined, complete: () => undefined, abort: () => undefined };
      },
    },
  });
  given.clock.advance(5000);
  propose(given, "a".repeat(900));
  given.clock.advance(10);
  expect(begun).toEqual([]);
  // By chance up to twice as many bytes.
  for (let count = 0; count < 9; count += 1) {
    propose(given, "b".repeat(900));
    given.clock.advance(10);
  }
  expect(given.applied).toHaveLength(10);
  expect(begun).toHaveLength(1);
});

test("a sole leader whose disk does not answer lets nobody wait past the deadline", () => {
  const { node, clock, disk } = startNode();
  clock.advance(5000);
  disk.isStalled = true;
  const outcomes: ProposeOutcome[] = [];
  node.propose(utf8("a"), clock.now() + 2000, (outcome) => void outcomes.push(outcome));
  clock.advance(5);
  node.propose(utf8("b"), clock.now() + 2000, (outcome) => void outcomes.push(outcome));
  clock.advance(3000);
  // The first may be on the disk, the second was never appended.
  expect(outcomes.map(({ kind }) => kind)).toEqual(["unknown", "refused"]);
});

/** A log of five committed entries, of which only the last stays in memory, and a broken snapshot of the first three. */
function replaying(read: LogStore["read"]): StartedNode {
  const initial = foundedLog();
  const entries = [...initial.entries];
  for (let index = 2; index <= 5; index += 1) {
    const body: Omit<Entry, "chain"> = { index, term: 1, kind: "command", time: 0, data: utf8(`${index}`) };
    entries.push({ ...body, chain: chainAfter(entries.at(-1)?.chain ?? 0, body) });
  }
  const { index, term, chain, time } = entries[2] ?? { index: 0, term: 0, chain: 0, time: 0 };
  const membership = decodeMembership(entries[0]?.data ?? new Uint8Array(0));
  const meta = snapshotMeta(index, { term, chain, time, membership });
  return startNode({
    initial: { ...initial, entries, commitHint: 5 },
    cacheBytesMax: 60,
    read,
    snapshots: { list: () => [meta], load: (_, __, done) => done({ ok: false, error: { kind: "damaged" } }) },
  });
}

test("a damaged entry that is needed from the log is no less damaged because a broken snapshot contains it", () => {
  const { node, clock } = replaying((_, done) =>
    done({ ok: false, error: { kind: "damaged", message: "entry 1 is damaged" } }),
  );
  clock.advance(100);
  expect(node.status().condition).toEqual({ kind: "untrusted", reason: "entry 1 is damaged" });
});

test("promotions that are held before the start are held when this node leads at once", () => {
  const votersAfter = (heldMs: number): number => {
    const heard: { receiver?: TransportReceiver } = {};
    const { node, clock } = startNode({
      initial: foundedLog([LEARNER]),
      beforeStart: (one) => one.holdPromotions(heldMs),
      transport: {
        start: (receiver) => void (heard.receiver = receiver),
        send: (messages) => {
          for (const append of messages) if (append.kind === "append") heard.receiver?.onMessage(accepted(append));
        },
      },
    });
    clock.advance(400);
    return node.status().core.membership.voters.length;
  };
  expect([votersAfter(0), votersAfter(10_000)]).toEqual([2, 1]);
});

test("RaftNode.stop() answers what it took before it closes", () => {
  const given = startNode();
  given.clock.advance(5000);
  const outcomes = propose(given, "last");
  let isStopped = false;
  given.node.stop(given.clock.now() + 1000, () => {
    isStopped = true;
  });
  given.clock.advance(1000);
  expect(outcomes).toMatchObject([{ kind: "applied" }]);
  expect(isStopped).toBe(true);
  const late = propose(given, "late");
  given.clock.advance(1);
  expect(late).toEqual([{ kind: "refused", refusal: { kind: "stopping" } }]);
});

test("an observer hears of a traced proposal before its entry is appended, and then of disk, commit and apply, in order", () => {
  const { node, clock } = startNode();
  clock.advance(5000);
  const heard: string[] = [];
  node.observe({
    onTraced: ({ index, term, trace }) => void heard.push(`traced ${index} of term ${term}: ${trace}`),
    onAppend: (entries) => void heard.push(`append ${entries.map(({ index }) => index).join(" ")}`),
    onPersist: ({ last }) => void heard.push(`durable ${last}`),
    onCommitted: (index) => void heard.push(`committed ${index}`),
    onApplied: (index) => void heard.push(`applied ${index}`),
  });
  node.propose(utf8("a"), clock.now() + 2000, () => undefined);
  node.propose(utf8("b"), clock.now() + 2000, () => undefined, "parent");
  clock.advance(5);
  expect(heard).toEqual(["traced 4 of term 2: parent", "append 3 4", "durable 4", "committed 4", "applied 4"]);
});

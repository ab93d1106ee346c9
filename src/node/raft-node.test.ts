import { expect, test } from "bun:test";
import { createPrng, fromUtf8, memberKey, ok, utf8 } from "../base/index.ts";
import { chainAfter, decodeMembership, type Entry, type Member, type Message } from "../raft/index.ts";
import type { ProposeOutcome, RaftNode, ReadOutcome } from "./node-types.ts";
import { DEFAULT_NODE_LIMITS } from "./options.ts";
import type { LogStore, SnapshotStore, StateMachine, StoredState, Transport, TransportReceiver } from "./ports.ts";
import { foundedLog, IDENTITY, openClusterOfOne, SELF, snapshotMeta } from "./testing/cluster-of-one.ts";
import { createManualClock, type ManualClock } from "./testing/manual-clock.ts";

const learner: Member = { ...SELF, id: "m", name: "m", address: "m:1" };

interface Given {
  readonly node: RaftNode;
  readonly clock: ManualClock;
  readonly applied: string[];
  readonly disk: { isFull: boolean; isBroken: boolean; isStalled: boolean };
}

interface Unusual {
  readonly initial?: StoredState;
  readonly read?: LogStore["read"];
  readonly snapshots?: Partial<SnapshotStore>;
  readonly cacheBytesMax?: number;
  readonly transport?: Partial<Transport>;
  readonly freeze?: StateMachine["freeze"];
  readonly thresholdBytes?: number;
  readonly beforeStart?: (node: RaftNode) => void;
}

function start(unusual: Unusual = {}): Given {
  const clock = createManualClock();
  const disk = { isFull: false, isBroken: false, isStalled: false };
  const applied: string[] = [];
  let seq = 1;
  const log: LogStore = {
    initial: unusual.initial ?? foundedLog(),
    persist: (_, __, done) => {
      if (disk.isStalled) return;
      clock.at(clock.now() + 1, () => {
        if (disk.isBroken) return done({ ok: false, error: { kind: "untrusted", message: "fsync failed" } });
        if (disk.isFull) return done({ ok: false, error: { kind: "full", message: "no space" } });
        seq += 1;
        done(ok({ seq, durationMs: 1 }));
      });
    },
    read: unusual.read ?? ((_, done) => done(ok([]))),
    bootstrap: () => undefined,
    sizeBytes: () => 0,
    close: (done) => done(),
  };
  const snapshots: SnapshotStore = {
    list: () => [],
    create: () => {
      throw new Error("no snapshot is due here");
    },
    openStored: () => {
      throw new Error("there is none");
    },
    received: () => 0,
    receive: () => undefined,
    load: () => undefined,
    sizeBytes: () => 0,
    close: (done) => done(),
    ...unusual.snapshots,
  };
  let appliedIndex = 0;
  const machine: StateMachine = {
    apply: (entry) => {
      appliedIndex = entry.index;
      if (entry.kind === "command") applied.push(fromUtf8(entry.data));
      return `applied ${entry.index}`;
    },
    get appliedIndex() {
      return appliedIndex;
    },
    freeze:
      unusual.freeze ??
      (() => {
        throw new Error("no snapshot is due here");
      }),
    restoreStart: () => undefined,
    restorePart: () => undefined,
    restoreEnd: () => undefined,
    stateHash: () => "",
  };
  const prng = createPrng(1);
  const node = openClusterOfOne({
    stored: log.initial,
    clock,
    log,
    snapshots,
    transport: {
      start: () => undefined,
      send: () => undefined,
      sendSnapshot: () => undefined,
      cancelSnapshot: () => undefined,
      setMembers: () => undefined,
      stop: (done) => done(),
      ...unusual.transport,
    },
    machine,
    random: () => prng.float(),
    cacheBytesMax: unusual.cacheBytesMax ?? 1 << 26,
    snapshotPolicy: unusual.thresholdBytes === undefined ? {} : { thresholdBytes: unusual.thresholdBytes },
  });
  unusual.beforeStart?.(node);
  node.start();
  return { node, clock, applied, disk };
}

function propose({ node, clock }: Given, text: string): ProposeOutcome[] {
  const outcomes: ProposeOutcome[] = [];
  node.propose(utf8(text), clock.now() + 2000, (outcome) => void outcomes.push(outcome));
  return outcomes;
}

function proposeMany(given: Given, count: number): void {
  for (let at = 0; at < count; at += 1) propose(given, `${at}`);
}

/** How many entries each append has from now on. */
function batchesOf({ node }: Given): number[] {
  const batches: number[] = [];
  node.observe({ onAppend: (entries) => void batches.push(entries.length) });
  return batches;
}

test("RaftNode of one elects itself, and answers a proposal only when it is durable and applied", () => {
  const given = start();
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
  const given = start();
  given.clock.advance(5000);
  const outcomes: ReadOutcome[] = [];
  given.node.readPoint(given.clock.now() + 100, (outcome) => void outcomes.push(outcome));
  given.clock.advance(10);
  expect(outcomes).toEqual([{ kind: "ready", index: 2 }]);
});

test("RaftNode refuses while the disk is full, and goes on when there is space", () => {
  const given = start();
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
  const given = start();
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
  const given = start({
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
  const { node, clock, disk } = start();
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

test("proposals that are expected are waited for a moment, and leave in one batch", () => {
  const given = start();
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
  const given = start({
    initial: foundedLog([learner]),
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
  const given = start();
  given.clock.advance(5000);
  proposeMany(given, 10);
  given.clock.advance(5);
  const batches = batchesOf(given);
  propose(given, "a".repeat(DEFAULT_NODE_LIMITS.turnProposalBytesMax));
  given.clock.advance(0);
  expect(batches).toEqual([1]);
});

test("a wait whose proposals are past their deadline says nothing about the next ones", () => {
  const given = start();
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
  const given = start({
    initial: foundedLog([learner]),
    transport: { start: (receiver) => void (heard.receiver = receiver) },
  });
  given.clock.advance(400);
  proposeMany(given, 10);
  given.clock.advance(5);
  const held = propose(given, "held");
  given.clock.advance(0.5);
  expect(held).toEqual([]);
  const { clusterId, epoch } = IDENTITY;
  const from = memberKey(learner.id, learner.incarnation);
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

/** A log of five committed entries, of which only the last stays in memory, and a broken snapshot of the first three. */
function replaying(read: LogStore["read"]): Given {
  const initial = foundedLog();
  const entries = [...initial.entries];
  for (let index = 2; index <= 5; index += 1) {
    const body: Omit<Entry, "chain"> = { index, term: 1, kind: "command", time: 0, data: utf8(`${index}`) };
    entries.push({ ...body, chain: chainAfter(entries.at(-1)?.chain ?? 0, body) });
  }
  const { index, term, chain, time } = entries[2] ?? { index: 0, term: 0, chain: 0, time: 0 };
  const membership = decodeMembership(entries[0]?.data ?? new Uint8Array(0));
  const meta = snapshotMeta(index, { term, chain, time, membership });
  return start({
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
    const { node, clock } = start({
      initial: foundedLog([learner]),
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

function accepted({ to, from, entries, prevIndex, ...append }: Message & { readonly kind: "append" }): Message {
  const { clusterId, epoch, term, round, session } = append;
  const header = { clusterId, epoch, from: to, fromBoot: "00000000000000cc", to: from, term, round, session };
  const match = {
    match: prevIndex + entries.length,
    hintIndex: 0,
    hintTerm: 0,
    needSnapshot: false,
    seq: 1,
    applied: 0,
  };
  return { ...header, ...match, kind: "append-reply", ok: true };
}

test("RaftNode.stop() answers what it took before it closes", () => {
  const given = start();
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
  const { node, clock } = start();
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

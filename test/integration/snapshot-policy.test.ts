import { expect, test } from "bun:test";
import { memberKey, utf8 } from "../../src/base/index.ts";
import { createKonsulFsm, encodeCommand } from "../../src/fsm/index.ts";
import {
  DEFAULT_NODE_LIMITS,
  openRaftNode,
  type Identity,
  type Member,
  type RaftNode,
  type SnapshotPolicy,
  type SnapshotStore,
} from "../../src/node/index.ts";
import { createManualClock, type ManualClock } from "../../src/node/testing/manual-clock.ts";
import { chainAfter, chainStart, encodeMembership, entrySize, type Entry } from "../../src/raft/index.ts";
import { createMemoryLogStore, createMemorySnapshotStore } from "../../src/storage/index.ts";
import { createNoTransport } from "../../src/transport/index.ts";

const identity: Identity = {
  clusterId: "0".repeat(32),
  epoch: { counter: 1, random: "00000000" },
  nodeId: "n",
  incarnation: "0000000000000001",
  peerSecret: "",
};
const self = memberKey(identity.nodeId, identity.incarnation);
const member: Member = {
  id: identity.nodeId,
  incarnation: identity.incarnation,
  name: "n",
  address: "",
  httpAddress: "",
  zone: "",
  version: "0",
  commandVersion: 1,
  nonVoter: false,
  admitted: 1,
  publicKey: "",
};
const base = { index: 0, term: 0, chain: chainStart(identity.clusterId, identity.epoch), time: 0 };
const membership: Omit<Entry, "chain"> = {
  index: 1,
  term: 1,
  kind: "membership",
  time: 0,
  data: encodeMembership({
    voters: [self],
    outgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: true,
    members: new Map([[self, member]]),
    clusterVersion: 1,
  }),
};
const first: Entry = { ...membership, chain: chainAfter(base.chain, membership) };

interface Given {
  readonly node: RaftNode;
  readonly clock: ManualClock;
  readonly snapshots: SnapshotStore;
  /** While it is held, no request of a snapshot's disk is answered. */
  readonly disk: { isHeld: boolean; readonly waiting: (() => void)[] };
}

/** A node alone, whose thresholds are no higher by chance. */
function given(policy: Partial<SnapshotPolicy>): Given {
  const clock = createManualClock();
  const log = createMemoryLogStore((task) => clock.defer(task));
  const disk: Given["disk"] = { isHeld: false, waiting: [] };
  const snapshots = createMemorySnapshotStore((task) => {
    if (disk.isHeld) disk.waiting.push(task);
    else clock.defer(task);
  });
  const hard = { term: 1, vote: undefined };
  log.bootstrap(identity, { hard, entries: [first] }, () => undefined);
  clock.advance(1);
  let opened: RaftNode | undefined;
  openRaftNode(
    {
      self,
      boot: "00000000000000bb",
      identity,
      stored: { identity, hard, seq: 1, commitHint: 0, base, entries: [first] },
      clock,
      log,
      snapshots,
      transport: createNoTransport(),
      machine: createKonsulFsm(),
      timing: { heartbeatTimeoutMs: 1000, electionTimeoutMs: 1000, leaderLeaseTimeoutMs: 500 },
      raftLimits: {
        inflightCountMax: 64,
        inflightBytesMax: 1 << 22,
        messageBytesMax: 1 << 20,
        unappliedBytesMax: 1 << 26,
        cacheBytesMax: 1 << 23,
        snapshotSendsMax: 2,
      },
      limits: DEFAULT_NODE_LIMITS,
      snapshotPolicy: {
        intervalMs: 1e9,
        thresholdEntries: 1e9,
        thresholdBytes: 10_000,
        trailingEntries: 1e9,
        trailingBytes: 1e12,
        trimStepEntries: 3,
        ...policy,
      },
      commandVersion: 1,
      random: () => 0,
      note: () => undefined,
    },
    (result) => {
      if (result.ok) opened = result.value;
    },
  );
  if (opened === undefined) throw new Error("the node did not open");
  opened.start();
  clock.advance(5000);
  return { node: opened, clock, snapshots, disk };
}

const COMMAND = encodeCommand({ kind: "kv-set", key: utf8("key"), value: new Uint8Array(900), flags: 0n });
const COMMAND_BYTES = entrySize({ data: COMMAND });

/** Of the log, one write after the other. */
function write({ node, clock }: Given, bytes: number): void {
  for (let written = 0; written < bytes; written += COMMAND_BYTES) {
    node.propose(COMMAND, clock.now() + 2000, () => undefined);
    clock.advance(20);
  }
}

function logBytes({ node }: Given): number {
  const { firstIndex, lastIndex } = node.status().core;
  return (lastIndex + 1 - firstIndex) * COMMAND_BYTES;
}

test("a log of large entries ends at a few times what makes a snapshot, however many entries are to be kept", () => {
  const one = given({ trailingBytes: 20_000 });
  write(one, 300_000);
  one.clock.advance(1000);
  expect(logBytes(one)).toBeGreaterThanOrEqual(20_000);
  // What is kept, and at most two rounds to the next snapshot behind it.
  expect(logBytes(one)).toBeLessThan(20_000 + 2 * 12_000);
});

test("nothing is cut that the older of two snapshots needs, although it need not be kept for others", () => {
  const one = given({ trailingEntries: 0 });
  write(one, 300_000);
  one.clock.advance(1000);
  expect(one.snapshots.list()).toHaveLength(2);
  expect(one.node.status().core.firstIndex).toBe((one.snapshots.list()[0]?.index ?? 0) + 1);
});

test("what is written while a snapshot is taken makes the next one at its end, without another write", () => {
  const one = given({});
  one.disk.isHeld = true;
  write(one, 30_000);
  expect([one.disk.waiting.length, one.snapshots.list().length]).toEqual([1, 0]);
  one.disk.isHeld = false;
  for (const answer of one.disk.waiting) answer();
  one.clock.advance(1000);
  expect(one.snapshots.list().map(({ index }) => index)).toEqual([
    expect.any(Number),
    one.node.status().core.lastIndex,
  ]);
});

test("what is written is in proportion to the state: a small log beside a large one makes no snapshot", () => {
  for (const value of [crypto.getRandomValues(new Uint8Array(60_000)), new Uint8Array(60_000)]) {
    const one = given({});
    one.node.propose(
      encodeCommand({ kind: "kv-set", key: utf8("large"), value, flags: 0n }),
      one.clock.now() + 2000,
      () => undefined,
    );
    one.clock.advance(1000);
    const before = one.snapshots.list();
    expect(before).toHaveLength(1);
    write(one, 27_000);
    expect(one.snapshots.list()).toEqual(before);
    write(one, 6_000);
    expect(one.snapshots.list()).toHaveLength(2);
  }
});

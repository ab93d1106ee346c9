import { expect, test } from "bun:test";
import { utf8 } from "../../src/base/index.ts";
import { createKonsulFsm, encodeCommand } from "../../src/fsm/index.ts";
import type { RaftNode, SnapshotPolicy, SnapshotStore } from "../../src/node/index.ts";
import { foundedLog, IDENTITY, openClusterOfOne } from "../../src/node/testing/cluster-of-one.ts";
import { createManualClock, type ManualClock } from "../../src/node/testing/manual-clock.ts";
import { entrySize } from "../../src/raft/index.ts";
import { createMemoryLogStore, createMemorySnapshotStore } from "../../src/storage/index.ts";
import { createNoTransport } from "../../src/transport/index.ts";

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
  const stored = foundedLog();
  log.bootstrap(IDENTITY, stored, () => undefined);
  clock.advance(1);
  const node = openClusterOfOne({
    stored,
    clock,
    log,
    snapshots,
    transport: createNoTransport(),
    machine: createKonsulFsm(),
    random: () => 0,
    cacheBytesMax: 1 << 23,
    snapshotPolicy: { thresholdBytes: 10_000, trailingEntries: 1e9, trimStepEntries: 3, ...policy },
  });
  node.start();
  clock.advance(5000);
  return { node, clock, snapshots, disk };
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

import { expect, test } from "bun:test";
import { createPrng, err, ok, type Result } from "../../src/base/index.ts";
import { createKonsulFsm, UndecodableCommand } from "../../src/fsm/index.ts";
import { drain, randomLog, restoreFrom } from "../../src/fsm/test-log.ts";
import { recover, type Recovered } from "../../src/node/boot.ts";
import type { Identity, SnapshotStore, StateMachine, StoredState } from "../../src/node/index.ts";
import { EMPTY_MEMBERSHIP, type Entry, type SnapshotMeta } from "../../src/raft/index.ts";

const identity: Identity = {
  clusterId: "0123456789abcdef0123456789abcdef",
  epoch: { counter: 1, random: "89abcdef" },
  nodeId: "a",
  incarnation: "00000000000000a1",
};

const log = randomLog(createPrng(81), 60);

test("rule 81: state and applied index move together: a frozen state carries the index it is the state of", () => {
  const live = createKonsulFsm();
  for (const entry of log) {
    live.apply(entry);
    const frozen = live.freeze();
    expect(frozen.moment.index).toBe(entry.index);
    expect(drain(frozen).hash).toBe(live.stateHash());
  }
});

test("rule 81: a command that cannot be applied changes neither state nor applied index", () => {
  const fsm = createKonsulFsm();
  for (const entry of log) fsm.apply(entry);
  const before = [fsm.stateHash(), fsm.appliedIndex];
  const bad = { index: log.length + 1, kind: "command", time: 1e6, data: Uint8Array.of(255, 255) } as const;
  expect(() => fsm.apply(bad)).toThrow(UndecodableCommand);
  expect([fsm.stateHash(), fsm.appliedIndex]).toEqual(before);
});

test("rule 82: an entry that a restored state contains is never applied again", () => {
  const source = createKonsulFsm();
  for (const entry of log.slice(0, 40)) source.apply(entry);
  const restarted = createKonsulFsm();
  restoreFrom(restarted, source);
  expect(restarted.appliedIndex).toBe(40);
  for (const entry of log.slice(0, 40))
    expect(() => restarted.apply(entry)).toThrow("The next entry to apply must be 41");
  for (const entry of log.slice(40)) restarted.apply(entry);
  for (const entry of log.slice(40)) source.apply(entry);
  expect(restarted.stateHash()).toBe(source.stateHash());
});

test("rule 82: a restart tells watchers nothing of what was applied before it", () => {
  const source = createKonsulFsm();
  for (const entry of log) source.apply(entry);
  const restarted = createKonsulFsm();
  restoreFrom(restarted, source);
  expect(drain(restarted.freeze()).bytes).toEqual(drain(source.freeze()).bytes);
  expect(restarted.changes.size).toBe(0);
  const after = restarted.changes.changesSince({ index: log.length }, 10);
  expect(after).toEqual({ kind: "changes", changes: [], isComplete: true });
  expect(restarted.changes.changesSince({ index: 1 }, 10).kind).toBe("compacted");
});

function emptyEntry(index: number, term: number): Entry {
  return { index, term, kind: "noop", time: index, data: new Uint8Array(0), chain: index };
}

function stored(entries: readonly Entry[]): StoredState {
  const hard = { term: 3, vote: undefined };
  return { identity, hard, seq: 1, commitHint: 0, base: { index: 0, term: 0, chain: 0, time: 0 }, entries };
}

function unused(): never {
  throw new Error("A restart only lists and loads snapshots");
}

interface Kept {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
}

/** Complete snapshots as a restart finds them. */
function storeOf(...kept: readonly Kept[]): SnapshotStore {
  return {
    list: () => kept.map(({ meta }) => meta),
    load: (id, part, done) => {
      const found = kept.find(({ meta }) => meta.id === id);
      if (found !== undefined) part(found.bytes);
      done(found === undefined ? err({ kind: "damaged" }) : ok(undefined));
    },
    create: unused,
    openStored: unused,
    received: unused,
    receive: unused,
    sizeBytes: () => 0,
    close: unused,
  };
}

/** A snapshot of the state at `index`. */
function snapshotAt(index: number, origin: SnapshotMeta["origin"]): Kept {
  const fsm = createKonsulFsm();
  for (const one of log.slice(0, index)) fsm.apply(one);
  const frozen = fsm.freeze();
  const { bytes, hash } = drain(frozen);
  const { clusterId, epoch } = identity;
  const { format, hashVersion } = frozen;
  const place = {
    index,
    term: 2,
    chain: index,
    time: fsm.appliedTime,
    membership: EMPTY_MEMBERSHIP,
    membershipIndex: 0,
    seqs: [],
  };
  const content = { sizeBytes: bytes.length, sha256: "", stateHash: hash, hashVersion, format, origin };
  return { meta: { ...place, ...content, id: `s${index}`, clusterId, epoch }, bytes };
}

function snapshotsWith(origin: SnapshotMeta["origin"]): SnapshotStore {
  return storeOf(snapshotAt(5, origin));
}

async function recovered(snapshots: SnapshotStore, entries: readonly Entry[]): Promise<Result<Recovered, string>> {
  const machine: StateMachine = createKonsulFsm();
  const { promise, resolve } = Promise.withResolvers<Result<Recovered, string>>();
  recover({ identity, stored: stored(entries), snapshots, machine, note: () => undefined }, resolve);
  const result = await promise;
  if (result.ok) expect(machine.appliedIndex).toBe(5);
  return result;
}

test("rule 58: a crash between storing a received snapshot and resetting the log ends in the reset at restart", async () => {
  const behind = await recovered(snapshotsWith("received"), [emptyEntry(1, 1), emptyEntry(2, 1)]);
  expect(behind.ok && behind.value.mustReset).toBe(true);
  const conflicting = await recovered(
    snapshotsWith("received"),
    [1, 2, 3, 4, 5, 6].map((index) => emptyEntry(index, 1)),
  );
  expect(conflicting.ok && conflicting.value.mustReset).toBe(true);
});

test("rule 58: a received snapshot that the log contains resets nothing", async () => {
  const terms = [1, 1, 1, 2, 2, 3];
  const result = await recovered(
    snapshotsWith("received"),
    terms.map((term, at) => emptyEntry(at + 1, term)),
  );
  expect(result.ok && result.value.mustReset).toBe(false);
});

test("rule 51: an own snapshot ahead of the log is reported as lost data, never repaired silently", async () => {
  const result = await recovered(snapshotsWith("local"), [emptyEntry(1, 1), emptyEntry(2, 1)]);
  expect(result.ok ? "" : result.error).toContain("log entries were lost");
});

test("rule 65: a damaged snapshot leaves nothing behind: the restart takes the one before, and replays the rest", async () => {
  const whole = snapshotAt(5, "local");
  const newer = snapshotAt(8, "local");
  const bad = newer.bytes.slice();
  const middle = Math.floor(bad.length / 2);
  bad[middle] = (bad[middle] ?? 0) ^ 0xff;
  const entries = [1, 2, 3, 4, 5, 6, 7, 8].map((index) => emptyEntry(index, 2));
  const result = await recovered(storeOf(whole, { meta: newer.meta, bytes: bad }), entries);
  expect(result.ok && result.value.snapshot?.id).toBe("s5");
  const short = await recovered(storeOf(whole, { meta: newer.meta, bytes: newer.bytes.slice(0, -1) }), entries);
  expect(short.ok && short.value.snapshot?.id).toBe("s5");
});

import { describe, expect, test } from "bun:test";
import { err, ok, type Result } from "../base/index.ts";
import type { Persist } from "../raft/index.ts";
import { Disk } from "./disk.ts";
import type { LogStore, PersistReceipt, StorageFailure } from "./ports.ts";
import { createManualClock } from "./testing/manual-clock.ts";

type Done = (result: Result<PersistReceipt, StorageFailure>) => void;

function given(): {
  readonly disk: Disk;
  readonly clock: ReturnType<typeof createManualClock>;
  readonly writes: { readonly operations: readonly Persist[]; readonly done: Done }[];
  readonly log: string[];
} {
  const clock = createManualClock();
  const writes: { readonly operations: readonly Persist[]; readonly done: Done }[] = [];
  const log: string[] = [];
  const store: Pick<LogStore, "persist"> = {
    persist: (operations, _, done) => void writes.push({ operations, done }),
  };
  const disk = new Disk(store, clock, {
    onPersisted: (ticket) => void log.push(`persisted ${ticket}`),
    onFull: (isFull) => void log.push(`full ${isFull}`),
    onUntrusted: (reason) => void log.push(`untrusted ${reason}`),
  });
  return { disk, clock, writes, log };
}

const receipt = ok({ seq: 1, durationMs: 1 });

describe("Disk", () => {
  test("gathers what arrives while a transaction is in flight into the next one, in order", () => {
    const { disk, writes, log } = given();
    disk.add({ ticket: 1 });
    disk.flush(0);
    disk.add({ ticket: 2, truncateFrom: 5 });
    disk.add({ ticket: 3 });
    disk.flush(0);
    expect(writes.map(({ operations }) => operations.map(({ ticket }) => ticket))).toEqual([[1]]);
    writes[0]?.done(receipt);
    disk.flush(0);
    expect(writes[1]?.operations.map(({ ticket }) => ticket)).toEqual([2, 3]);
    writes[1]?.done(receipt);
    expect(log).toEqual(["persisted 1", "persisted 3"]);
    expect(disk.isIdle).toBe(true);
  });

  test("a full disk is tried again with the very same transaction, and says when there is space", () => {
    const { disk, clock, writes, log } = given();
    disk.add({ ticket: 1 });
    disk.flush(0);
    writes[0]?.done(err({ kind: "full", message: "no space" }));
    expect(disk.isFull).toBe(true);
    disk.add({ ticket: 2 });
    disk.flush(0);
    clock.advance(1000);
    expect(writes.map(({ operations }) => operations)).toEqual([[{ ticket: 1 }], [{ ticket: 1 }]]);
    writes[1]?.done(receipt);
    expect(log).toEqual(["full true", "full false", "persisted 1"]);
  });

  test("after any other failure nothing is written again (rule 35: a failed fsync is never retried)", () => {
    const { disk, clock, writes, log } = given();
    disk.add({ ticket: 1 });
    disk.flush(0);
    writes[0]?.done(err({ kind: "untrusted", message: "SQLITE_IOERR_FSYNC" }));
    disk.add({ ticket: 2 });
    disk.flush(0);
    clock.advance(10_000);
    expect(writes.length).toBe(1);
    expect(log).toEqual(["untrusted SQLITE_IOERR_FSYNC"]);
  });
});

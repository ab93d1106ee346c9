import { assert, err, ok } from "../base/index.ts";
import type { LogStore, SnapshotStore, SnapshotWriter, StoredState } from "../node/index.ts";
import type { Entry, SnapshotMeta } from "../raft/index.ts";

const PRISTINE: StoredState = {
  identity: undefined,
  hard: { term: 0, vote: undefined },
  seq: 0,
  commitHint: 0,
  base: { index: 0, term: 0, chain: 0, time: 0 },
  entries: [],
};

/** A log in memory: nothing is durable, and everything is gone with the process. For `--dev`. */
export function createMemoryLogStore(): LogStore {
  let entries: Entry[] = [];
  let seq = 0;
  let bytes = 0;
  return {
    initial: PRISTINE,
    persist: (operations, _, done) => {
      for (const { reset, truncateFrom, append, compactTo } of operations) {
        if (reset !== undefined) entries = [];
        if (truncateFrom !== undefined) entries = entries.filter(({ index }) => index < truncateFrom);
        if (append !== undefined) entries.push(...append);
        if (compactTo !== undefined) entries = entries.filter(({ index }) => index > compactTo.index);
        for (const { data } of append ?? []) bytes += data.length;
      }
      seq += 1;
      const receipt = ok({ seq, durationMs: 0 });
      setImmediate(() => done(receipt));
    },
    read: ({ from, to }, done) => {
      const found = entries.filter(({ index }) => index >= from && index < to);
      setImmediate(() => done(ok(found)));
    },
    bootstrap: (_, first, done) => {
      assert(seq === 0, "Only a pristine store is bootstrapped");
      entries.push(...first.entries);
      seq = 1;
      setImmediate(() => done(ok({ seq: 1, durationMs: 0 })));
    },
    sizeBytes: () => bytes,
    close: (done) => void setImmediate(done),
  };
}

/** Snapshots in memory, so that the log of a long-running `--dev` node stays bounded, too. */
export function createMemorySnapshotStore(): SnapshotStore {
  let complete: { readonly meta: SnapshotMeta; readonly parts: readonly Uint8Array[] }[] = [];
  return {
    list: () => complete.map(({ meta }) => meta),
    create: (): SnapshotWriter => {
      const parts: Uint8Array[] = [];
      return {
        write: (part, ready) => {
          parts.push(part.slice());
          setImmediate(() => ready(undefined));
        },
        complete: (draft, done) => {
          const sizeBytes = parts.reduce((size, part) => size + part.length, 0);
          const meta: SnapshotMeta = { ...draft, sizeBytes, sha256: "" };
          complete = [...complete, { meta, parts }].slice(-2);
          setImmediate(() => done(ok(meta)));
        },
        abort: () => undefined,
      };
    },
    openStored: (id) => {
      const found = complete.find(({ meta }) => meta.id === id);
      assert(found !== undefined, `Snapshot ${id} is in the list`);
      const bytes = Buffer.concat(found.parts);
      return {
        meta: found.meta,
        read: (offset, sizeMax, done) => void setImmediate(() => done(ok(bytes.subarray(offset, offset + sizeMax)))),
        close: () => undefined,
      };
    },
    received: () => 0,
    receive: (_, __, done) => void setImmediate(() => done(err({ kind: "damaged" }))),
    load: (id, part, done) => {
      const found = complete.find(({ meta }) => meta.id === id);
      setImmediate(() => {
        for (const bytes of found?.parts ?? []) part(bytes);
        done(found === undefined ? err({ kind: "damaged" }) : ok(undefined));
      });
    },
    sizeBytes: () => complete.reduce((size, { meta }) => size + meta.sizeBytes, 0),
    close: (done) => void setImmediate(done),
  };
}

import { assert, err, ok } from "../base/index.ts";
import type { LogStore, StoredState } from "../node/index.ts";
import { chainAfter, chainStart, entrySize, type Entry, type EntryId, type Persist } from "../raft/index.ts";

const PRISTINE: StoredState = {
  identity: undefined,
  hard: { term: 0, vote: undefined },
  seq: 0,
  commitHint: 0,
  base: { index: 0, term: 0, chain: 0, time: 0 },
  entries: [],
};

/**
 * A log in memory, for `--dev`: nothing is durable, and everything is gone with the process. `defer` runs a task after
 * everything that is ready now.
 */
export function createMemoryLogStore(defer: (task: () => void) => void = (task) => void setImmediate(task)): LogStore {
  const log = new MemoryLog();
  let seq = 0;
  let isBootstrapped = false;
  return {
    initial: PRISTINE,
    persist: (operations, _, done) => {
      for (const operation of operations) log.apply(operation);
      seq += 1;
      const receipt = ok({ seq, durationMs: 0 });
      defer(() => done(receipt));
    },
    read: (range, done) => {
      const found = ok(log.read(range));
      defer(() => done(found));
    },
    bootstrap: (identity, first, done) => {
      if (isBootstrapped) {
        const message = "Cannot bootstrap this store as it belongs to a member already";
        defer(() => done(err({ kind: "untrusted", message })));
        return;
      }
      isBootstrapped = true;
      log.start({ index: 0, term: 0, chain: chainStart(identity.clusterId, identity.epoch) });
      log.apply({ ticket: 0, hard: first.hard, append: first.entries });
      seq += 1;
      const receipt = ok({ seq, durationMs: 0 });
      defer(() => done(receipt));
    },
    sizeBytes: () => log.sizeBytes,
    close: (done) => defer(done),
  };
}

/** Entries behind a base, in an array. */
class MemoryLog {
  #base: EntryId = PRISTINE.base;
  #entries: Entry[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  start(base: EntryId): void {
    this.#base = base;
    this.#entries = [];
    this.#sizeBytes = 0;
  }

  apply({ reset, truncateFrom, append, compactTo }: Persist): void {
    if (reset !== undefined) this.start(reset);
    if (truncateFrom !== undefined) this.#remove(this.#offset(truncateFrom), this.#entries.length);
    for (const entry of append ?? []) this.#append(entry);
    if (compactTo === undefined || compactTo.index <= this.#base.index) return;
    this.#remove(0, this.#offset(compactTo.index + 1));
    this.#base = compactTo;
  }

  read(range: { readonly from: number; readonly to: number; readonly bytesMax: number }): readonly Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(this.#offset(range.from), this.#offset(range.to))) {
      bytes += entrySize(entry);
      if (found.length > 0 && bytes > range.bytesMax) break;
      found.push(entry);
    }
    return found;
  }

  #append(entry: Entry): void {
    const last: EntryId = this.#entries.at(-1) ?? this.#base;
    assert(entry.index === last.index + 1, "Entries must be appended without a gap");
    assert(entry.chain === chainAfter(last.chain, entry), "An entry must be chained to the one before it");
    this.#entries.push(entry);
    this.#sizeBytes += entrySize(entry);
  }

  /** Position of an index among the entries, within their bounds. */
  #offset(index: number): number {
    return Math.max(0, Math.min(index - this.#base.index - 1, this.#entries.length));
  }

  #remove(from: number, to: number): void {
    for (const entry of this.#entries.splice(from, to - from)) this.#sizeBytes -= entrySize(entry);
  }
}

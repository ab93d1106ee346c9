import { crc32, err, ok, type LogIndex, type Prng, type Result } from "../../../src/base/index.ts";
import type { SnapshotDraft, SnapshotStore, SnapshotWriter, StorageFailure } from "../../../src/node/index.ts";
import type { SnapshotMeta } from "../../../src/raft/index.ts";
import type { Gate } from "../gate.ts";
import type { Scheduler } from "../scheduler.ts";

type Damage = { readonly kind: "damaged" };

interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly parts: readonly Uint8Array[];
  readonly bytes: Uint8Array;
  isDamaged: boolean;
  pins: number;
}

interface Partial {
  readonly meta: SnapshotMeta;
  bytes: Uint8Array;
}

/** What watches one disk: the oracle, and traps that kill the process around a write. */
export interface SnapshotDiskHooks {
  onComplete(meta: SnapshotMeta): void;
  /** True: the process died instead. */
  beforeComplete(): boolean;
  /** A snapshot is complete here and nobody knows yet. */
  afterReceive(): boolean;
  beforeLoad(): boolean;
}

const KEPT_COUNT = 2;

/** Like the real format, never empty. */
const HEADER_BYTES = 4;

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 4, HEADER_BYTES));
  const view = new DataView(bytes.buffer);
  let at = HEADER_BYTES;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += part.length + 4;
  }
  return bytes;
}

function split(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const size = view.getUint32(at, true);
    parts.push(bytes.slice(at + 4, at + 4 + size));
    at += size + 4;
  }
  return parts;
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(64, "0");
}

/** The simulated snapshots of one machine. Complete ones survive everything; a transfer keeps what it has. */
export class SnapshotDisk {
  readonly #scheduler: Scheduler;
  readonly #random: Prng;
  readonly #writeMs: number;
  #complete: StoredSnapshot[] = [];
  #listed: readonly SnapshotMeta[] | undefined;
  #partial: Partial | undefined;

  constructor(scheduler: Scheduler, random: Prng, writeMs: number) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#writeMs = writeMs;
  }

  list(): readonly SnapshotMeta[] {
    this.#listed ??= this.#complete.map(({ meta }) => meta);
    return this.#listed;
  }

  /** Pins go with the process; of an unfinished transfer any prefix may be left. */
  crash(): void {
    for (const snapshot of this.#complete) snapshot.pins = 0;
    if (this.#partial !== undefined) {
      this.#partial.bytes = this.#partial.bytes.slice(0, this.#random.between(0, this.#partial.bytes.length + 1));
    }
  }

  /** The newest snapshot cannot be read any more; only when the one before can take its place on top of this log. */
  damageNewest(logBase: LogIndex): void {
    const newest = this.#complete.at(-1);
    const before = this.#complete.at(-2);
    if (newest === undefined || before === undefined || before.meta.index < logBase) return;
    if (!this.#complete.some(({ isDamaged }) => isDamaged)) newest.isDamaged = true;
  }

  /** None of them can be read any more. */
  damageAll(): void {
    for (const snapshot of this.#complete) snapshot.isDamaged = true;
  }

  get hasDamaged(): boolean {
    return this.#complete.some(({ isDamaged }) => isDamaged);
  }

  listWhole(): readonly SnapshotMeta[] {
    return this.#complete.filter(({ isDamaged }) => !isDamaged).map(({ meta }) => meta);
  }

  /** The newest one that can be read. */
  get newestWhole(): LogIndex {
    return this.listWhole().at(-1)?.index ?? 0;
  }

  /** Found to be damaged: not listed any more. */
  #discard(id: string): void {
    this.#complete = this.#complete.filter(({ meta }) => meta.id !== id);
    this.#listed = undefined;
  }

  copy(): SnapshotDisk {
    const copy = new SnapshotDisk(this.#scheduler, this.#random, this.#writeMs);
    copy.#complete = this.#complete.map((snapshot) => ({ ...snapshot, pins: 0 }));
    return copy;
  }

  open(gate: Gate, hooks: SnapshotDiskHooks): SnapshotStore {
    return {
      list: () => this.list(),
      create: () => this.#create(gate, hooks),
      openStored: (id) => this.#openStored(id, gate),
      received: (meta) => (this.#partial?.meta.id === meta.id ? this.#partial.bytes.length : this.#receivedWhole(meta)),
      receive: (meta, chunk, done) => {
        this.#later(gate, () => {
          this.#receive(meta, chunk, { hooks, done });
        });
      },
      load: (id, part, done) => {
        this.#later(gate, () => {
          if (!hooks.beforeLoad()) this.#load(id, part, done);
        });
      },
      sizeBytes: () => this.#complete.reduce((sum, { bytes }) => sum + bytes.length, 0),
      close: (done) => this.#scheduler.soon(() => gate.enter(done)),
    };
  }

  #later(gate: Gate, task: () => void): void {
    this.#scheduler.after(this.#writeMs * (0.5 + this.#random.float()), () => gate.enter(task));
  }

  #receivedWhole(meta: SnapshotMeta): number {
    return this.#complete.some((snapshot) => snapshot.meta.id === meta.id) ? meta.sizeBytes : 0;
  }

  #create(gate: Gate, hooks: SnapshotDiskHooks): SnapshotWriter {
    const parts: Uint8Array[] = [];
    let isAborted = false;
    return {
      write: (part, ready) => {
        parts.push(part);
        this.#later(gate, () => ready(undefined));
      },
      complete: (draft: SnapshotDraft, done) => {
        this.#later(gate, () => {
          if (isAborted || hooks.beforeComplete()) return;
          const bytes = join(parts);
          const meta: SnapshotMeta = { ...draft, sizeBytes: bytes.length, sha256: checksum(bytes) };
          this.#add({ meta, parts, bytes, isDamaged: false, pins: 0 });
          hooks.onComplete(meta);
          done(ok(meta));
        });
      },
      abort: () => {
        isAborted = true;
      },
    };
  }

  #add(snapshot: StoredSnapshot): void {
    const others = this.#complete.filter(({ meta }) => meta.id !== snapshot.meta.id);
    const all = [...others, snapshot].toSorted((a, b) => a.meta.index - b.meta.index);
    this.#complete = all.filter(({ pins }, at) => pins > 0 || at >= all.length - KEPT_COUNT);
    this.#listed = undefined;
  }

  #openStored(id: string, gate: Gate): ReturnType<SnapshotStore["openStored"]> {
    const snapshot = this.#complete.find(({ meta }) => meta.id === id);
    if (snapshot === undefined) throw new RangeError(`there is no snapshot ${id}`);
    snapshot.pins += 1;
    let isOpen = true;
    return {
      meta: snapshot.meta,
      read: (offset, sizeMax, done) =>
        this.#later(gate, () => {
          if (!snapshot.isDamaged) return done(ok(snapshot.bytes.slice(offset, offset + sizeMax)));
          this.#discard(id);
          done(err({ kind: "damaged" }));
        }),
      close: () => {
        if (isOpen) snapshot.pins -= 1;
        isOpen = false;
      },
    };
  }

  #receive(
    meta: SnapshotMeta,
    chunk: { readonly offset: number; readonly bytes: Uint8Array; readonly isLast: boolean },
    use: {
      readonly hooks: SnapshotDiskHooks;
      readonly done: (
        result: Result<{ readonly nextOffset: number; readonly isComplete: boolean }, StorageFailure | Damage>,
      ) => void;
    },
  ): void {
    const partial = this.#partial?.meta.id === meta.id ? this.#partial : { meta, bytes: new Uint8Array(0) };
    this.#partial = partial;
    if (chunk.offset !== partial.bytes.length) {
      return use.done(ok({ nextOffset: partial.bytes.length, isComplete: false }));
    }
    const bytes = new Uint8Array(partial.bytes.length + chunk.bytes.length);
    bytes.set(partial.bytes);
    bytes.set(chunk.bytes, partial.bytes.length);
    partial.bytes = bytes;
    if (!chunk.isLast) return use.done(ok({ nextOffset: bytes.length, isComplete: false }));
    this.#partial = undefined;
    if (bytes.length !== meta.sizeBytes || checksum(bytes) !== meta.sha256) return use.done(err({ kind: "damaged" }));
    const received: SnapshotMeta = { ...meta, origin: "received" };
    this.#add({ meta: received, parts: split(bytes), bytes, isDamaged: false, pins: 0 });
    use.hooks.onComplete(received);
    if (use.hooks.afterReceive()) return;
    use.done(ok({ nextOffset: bytes.length, isComplete: true }));
  }

  #load(
    id: string,
    part: (bytes: Uint8Array) => void,
    done: (result: Result<undefined, StorageFailure | Damage>) => void,
  ): void {
    const snapshot = this.#complete.find(({ meta }) => meta.id === id);
    if (snapshot === undefined || snapshot.isDamaged) {
      this.#discard(id);
      return done(err({ kind: "damaged" }));
    }
    for (const bytes of snapshot.parts) part(bytes);
    done(ok(undefined));
  }
}

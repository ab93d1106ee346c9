import { assert, copyBytes, err, MalformedBytes, ok } from "../base/index.ts";
import type { SnapshotStore, SnapshotWriter } from "../node/index.ts";
import type { SnapshotMeta } from "../raft/index.ts";
import { ZSTD } from "./codec.ts";
import { SNAPSHOTS_KEPT } from "./snapshot-store.ts";
import { encodePart, PartDecoder } from "./stored-stream.ts";

interface Held {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
}

type Defer = (task: () => void) => void;

/** Snapshots in memory, so that the log of a long-running `--dev` node stays bounded, too. */
export function createMemorySnapshotStore(defer: Defer = (task) => void setImmediate(task)): SnapshotStore {
  return new MemorySnapshotStore(defer);
}

class MemorySnapshotStore implements SnapshotStore {
  readonly #defer: Defer;
  readonly #pins = new Map<string, number>();
  #held: readonly Held[] = [];
  #receiving: { readonly meta: SnapshotMeta; readonly pieces: Uint8Array[]; stored: number } | undefined;
  #nextNumber = 1;

  constructor(defer: Defer) {
    this.#defer = defer;
  }

  list(): readonly SnapshotMeta[] {
    return this.#held.map(({ meta }) => meta);
  }

  create(): SnapshotWriter {
    const pieces: Uint8Array[] = [];
    return {
      write: (part, ready) => {
        pieces.push(encodePart(ZSTD, part));
        this.#defer(() => ready(undefined));
      },
      complete: (draft, done) => {
        const bytes = Buffer.concat(pieces);
        const isFree = draft.id !== "" && this.#find(draft.id) === undefined;
        const id = isFree ? draft.id : `${draft.term}-${draft.index}-${this.#nextNumber++}`;
        const meta = { ...draft, id, sizeBytes: bytes.length, sha256: sha256(bytes) };
        this.#add({ meta, bytes });
        this.#defer(() => done(ok(meta)));
      },
      abort: () => void pieces.splice(0),
    };
  }

  openStored(id: string): ReturnType<SnapshotStore["openStored"]> {
    const held = this.#find(id);
    assert(held !== undefined, `Snapshot ${id} must be in the list to be opened`);
    this.#pins.set(id, (this.#pins.get(id) ?? 0) + 1);
    let isOpen = true;
    return {
      meta: held.meta,
      read: (offset, sizeMax, done) => this.#defer(() => done(ok(copyBytes(held.bytes, offset, offset + sizeMax)))),
      close: () => {
        if (isOpen) this.#unpin(id);
        isOpen = false;
      },
    };
  }

  received(meta: SnapshotMeta): number {
    const held = this.#find(meta.id);
    if (held?.meta.sha256 === meta.sha256) return meta.sizeBytes;
    return isSame(this.#receiving?.meta, meta) ? (this.#receiving?.stored ?? 0) : 0;
  }

  receive(...[meta, chunk, done]: Parameters<SnapshotStore["receive"]>): void {
    const answer = (nextOffset: number, isComplete: boolean): void =>
      this.#defer(() => done(ok({ nextOffset, isComplete })));
    if (this.#find(meta.id)?.meta.sha256 === meta.sha256) return answer(meta.sizeBytes, true);
    if (this.#receiving === undefined || !isSame(this.#receiving.meta, meta)) {
      this.#receiving = { meta, pieces: [], stored: 0 };
    }
    const receiving = this.#receiving;
    if (chunk.offset !== receiving.stored) return answer(receiving.stored, false);
    receiving.pieces.push(copyBytes(chunk.bytes));
    receiving.stored += chunk.bytes.length;
    if (!chunk.isLast && receiving.stored < meta.sizeBytes) return answer(receiving.stored, false);
    this.#receiving = undefined;
    const bytes = Buffer.concat(receiving.pieces);
    if (bytes.length !== meta.sizeBytes || sha256(bytes) !== meta.sha256) {
      return this.#defer(() => done(err({ kind: "damaged" })));
    }
    this.#add({ meta: { ...meta, origin: "received" }, bytes });
    answer(bytes.length, true);
  }

  load(...[id, part, done]: Parameters<SnapshotStore["load"]>): void {
    const held = this.#find(id);
    this.#defer(() => {
      if (held === undefined) return done(err({ kind: "damaged" }));
      const parts = decoded(held.bytes);
      if (parts === undefined) {
        this.#held = this.#held.filter((other) => other !== held);
        return done(err({ kind: "damaged" }));
      }
      for (const bytes of parts) part(bytes);
      done(ok(undefined));
    });
  }

  sizeBytes(): number {
    return this.#held.reduce((size, { bytes }) => size + bytes.length, 0);
  }

  close(done: () => void): void {
    this.#defer(done);
  }

  #find(id: string): Held | undefined {
    return this.#held.find(({ meta }) => meta.id === id);
  }

  #add(held: Held): void {
    const others = this.#held.filter(({ meta }) => meta.id !== held.meta.id);
    this.#held = [...others, held].toSorted((a, b) => a.meta.index - b.meta.index);
    this.#retain();
  }

  #unpin(id: string): void {
    const left = (this.#pins.get(id) ?? 1) - 1;
    if (left > 0) this.#pins.set(id, left);
    else this.#pins.delete(id);
    this.#retain();
  }

  #retain(): void {
    const newest = this.#held.slice(-SNAPSHOTS_KEPT);
    this.#held = this.#held.filter((held) => newest.includes(held) || this.#pins.has(held.meta.id));
  }
}

/** All parts; undefined: they were damaged before the checksum was made. */
function decoded(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const decoder = new PartDecoder();
  try {
    const parts = decoder.push(bytes);
    decoder.end();
    return parts;
  } catch (cause) {
    if (cause instanceof MalformedBytes) return undefined;
    throw cause;
  }
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function isSame(a: SnapshotMeta | undefined, b: SnapshotMeta): boolean {
  return a !== undefined && a.id === b.id && a.sha256 === b.sha256 && a.sizeBytes === b.sizeBytes;
}

import { expect, test } from "bun:test";
import { createPrng, type Result } from "../../src/base/index.ts";
import type { SnapshotDraft, SnapshotStore } from "../../src/node/index.ts";
import { EMPTY_MEMBERSHIP, type SnapshotMeta } from "../../src/raft/index.ts";

export interface SnapshotStoreFactory {
  /** Opens the store; the same one again after `close` where it is durable. */
  readonly open: () => Promise<SnapshotStore>;
  readonly isDurable: boolean;
}

/** Waits for a callback that gives a result; a failure is an exception that names its kind. */
async function value<T, E extends { readonly kind: string }>(
  ask: (done: (result: Result<T, E>) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((result) => {
      if (result.ok) resolve(result.value);
      else reject(new Error(result.error.kind));
    });
  });
}

export async function closeSnapshots(store: SnapshotStore): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

export function snapshotDraft(index: number): SnapshotDraft {
  return {
    id: `1-${index}-0`,
    clusterId: "0".repeat(32),
    epoch: { counter: 1, random: "00000000" },
    index,
    term: 1,
    chain: index,
    time: index,
    membership: EMPTY_MEMBERSHIP,
    membershipIndex: 0,
    seqs: [],
    stateHash: "00",
    hashVersion: 1,
    format: 1,
    origin: "local",
  };
}

/** Text that compresses, and noise that does not, in parts of several sizes. */
export function stateParts(seed: number): readonly Uint8Array[] {
  const prng = createPrng(seed);
  return [0, 10, 300_000, 700_000].map((size) =>
    Uint8Array.from({ length: size }, (_, at) => (at % 2 === 0 ? 65 : prng.next() & 255)),
  );
}

export async function takeSnapshot(
  store: SnapshotStore,
  index: number,
  parts: readonly Uint8Array[],
): Promise<SnapshotMeta> {
  const writer = store.create();
  for (const part of parts) {
    const failure = await new Promise((resolve) => writer.write(part, resolve));
    expect(failure).toBeUndefined();
  }
  return value((done) => writer.complete(snapshotDraft(index), done));
}

export async function loadSnapshot(store: SnapshotStore, id: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await value<undefined, { readonly kind: string }>((done) => store.load(id, (bytes) => parts.push(bytes), done));
  return Buffer.concat(parts);
}

/** All stored bytes as a transfer would read them. */
export async function readStored(store: SnapshotStore, id: string, sizeMax: number): Promise<Uint8Array> {
  const stored = store.openStored(id);
  const chunks: Uint8Array[] = [];
  for (let offset = 0; offset < stored.meta.sizeBytes;) {
    const from = offset;
    const chunk = await value<Uint8Array, { readonly kind: string }>((done) => stored.read(from, sizeMax, done));
    expect(chunk.length).toBeGreaterThan(0);
    chunks.push(chunk);
    offset += chunk.length;
  }
  stored.close();
  return Buffer.concat(chunks);
}

export async function receiveChunk(
  store: SnapshotStore,
  meta: SnapshotMeta,
  chunk: { readonly offset: number; readonly bytes: Uint8Array; readonly isLast: boolean },
): Promise<{ readonly nextOffset: number; readonly isComplete: boolean }> {
  return value((done) => store.receive(meta, chunk, done));
}

/** What every snapshot store promises. */
export function runSnapshotStoreContract(name: string, factory: () => SnapshotStoreFactory): void {
  test(`${name}: load() gives back what was written, also after a restart`, async () => {
    const place = factory();
    const store = await place.open();
    const parts = stateParts(1);
    const meta = await takeSnapshot(store, 5, parts);
    expect(store.list()).toEqual([meta]);
    expect(Buffer.concat(parts).equals(await loadSnapshot(store, meta.id))).toBe(true);
    await closeSnapshots(store);
    if (!place.isDurable) return;
    const again = await place.open();
    expect(again.list()).toEqual([meta]);
    expect(Buffer.concat(parts).equals(await loadSnapshot(again, meta.id))).toBe(true);
    await closeSnapshots(again);
  });

  test(`${name}: an aborted snapshot leaves nothing`, async () => {
    const store = await factory().open();
    const writer = store.create();
    await new Promise((resolve) => writer.write(new Uint8Array(1000), resolve));
    writer.abort();
    const meta = await takeSnapshot(store, 5, stateParts(1));
    expect(store.list()).toEqual([meta]);
    await closeSnapshots(store);
  });

  test(`${name}: keeps the newest two and the pinned ones, until they are let go`, async () => {
    const store = await factory().open();
    const first = await takeSnapshot(store, 1, stateParts(1));
    const pin = store.openStored(first.id);
    for (const index of [2, 3, 4]) await takeSnapshot(store, index, stateParts(index));
    expect(store.list().map(({ index }) => index)).toEqual([1, 3, 4]);
    expect(await loadSnapshot(store, first.id)).toHaveLength(1_000_010);
    pin.close();
    expect(store.list().map(({ index }) => index)).toEqual([3, 4]);
    await closeSnapshots(store);
  });

  test(`${name}: receive() of the stored bytes in pieces makes the same snapshot`, async () => {
    const source = await factory().open();
    const target = await factory().open();
    const meta = await takeSnapshot(source, 9, stateParts(3));
    const bytes = await readStored(source, meta.id, 100_000);
    for (let offset = 0; offset < bytes.length; offset += 70_000) {
      expect(target.received(meta)).toBe(offset);
      const end = Math.min(offset + 70_000, bytes.length);
      const isLast = end === bytes.length;
      const chunk = { offset, bytes: bytes.slice(offset, end), isLast };
      expect(await receiveChunk(target, meta, chunk)).toEqual({ nextOffset: end, isComplete: isLast });
    }
    expect(target.list()).toEqual([{ ...meta, origin: "received" }]);
    expect(target.received(meta)).toBe(meta.sizeBytes);
    expect(Buffer.concat(stateParts(3)).equals(await loadSnapshot(target, meta.id))).toBe(true);
    await closeSnapshots(source);
    await closeSnapshots(target);
  });

  test(`${name}: receive() at the wrong offset says where to go on`, async () => {
    const source = await factory().open();
    const target = await factory().open();
    const meta = await takeSnapshot(source, 9, stateParts(3));
    const bytes = await readStored(source, meta.id, 1 << 20);
    await receiveChunk(target, meta, { offset: 0, bytes: bytes.slice(0, 1000), isLast: false });
    const answer = await receiveChunk(target, meta, { offset: 5000, bytes: bytes.slice(5000, 6000), isLast: false });
    expect(answer).toEqual({ nextOffset: 1000, isComplete: false });
    await closeSnapshots(source);
    await closeSnapshots(target);
  });

  test(`${name}: a received snapshot with a wrong byte or a missing end is damaged and not listed`, async () => {
    const source = await factory().open();
    const target = await factory().open();
    const meta = await takeSnapshot(source, 9, stateParts(3));
    const bytes = Uint8Array.from(await readStored(source, meta.id, 1 << 20));
    const wrong = bytes.slice();
    wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 1;
    for (const sent of [wrong, bytes.slice(0, -1)]) {
      const received = receiveChunk(target, meta, { offset: 0, bytes: sent, isLast: true });
      expect(await received.catch((cause: unknown) => String(cause))).toBe("Error: damaged");
      expect(target.list()).toEqual([]);
      expect(target.received(meta)).toBe(0);
    }
    const good = await receiveChunk(target, meta, { offset: 0, bytes, isLast: true });
    expect(good).toEqual({ nextOffset: meta.sizeBytes, isComplete: true });
    await closeSnapshots(source);
    await closeSnapshots(target);
  });

  test(`${name}: a transfer goes on after a restart where it stopped`, async () => {
    const place = factory();
    if (!place.isDurable) return;
    const source = await factory().open();
    const target = await place.open();
    const meta = await takeSnapshot(source, 9, stateParts(3));
    const bytes = await readStored(source, meta.id, 1 << 20);
    await receiveChunk(target, meta, { offset: 0, bytes: bytes.slice(0, 400_000), isLast: false });
    await closeSnapshots(target);
    const again = await place.open();
    expect(again.received(meta)).toBe(400_000);
    const answer = await receiveChunk(again, meta, { offset: 400_000, bytes: bytes.slice(400_000), isLast: true });
    expect(answer).toEqual({ nextOffset: meta.sizeBytes, isComplete: true });
    await closeSnapshots(source);
    await closeSnapshots(again);
  });

  test(`${name}: answers later, never inside the call`, async () => {
    const store = await factory().open();
    let isInside = true;
    const wasInside = await new Promise<boolean>((resolve) => {
      store.create().write(new Uint8Array(1), () => resolve(isInside));
      isInside = false;
    });
    expect(wasInside).toBe(false);
    await closeSnapshots(store);
  });
}

import { join } from "node:path";
import { expect, test } from "bun:test";
import { createPrng, readU32 } from "../../src/base/index.ts";
import type { SnapshotStore } from "../../src/node/index.ts";
import {
  closeSnapshots,
  loadSnapshot,
  readStored,
  receiveChunk,
  takeSnapshot,
  type SnapshotStoreFactory,
} from "./snapshot-store.ts";

/** More than a store asks for ahead, in several stored pieces: one byte, 10 KB or 90 KB of noise. */
export function manyParts(): readonly Uint8Array[] {
  const prng = createPrng(11);
  return Array.from({ length: 40 }, (_, at) =>
    Uint8Array.from({ length: [1, 10_000, 90_000][at % 3] ?? 0 }, () => prng.next() & 255),
  );
}

/** The same snapshot, in which the part at `at` is none; as its checksum was made afterwards, only decoding can tell. */
async function receiveDamaged(source: SnapshotStore, target: SnapshotStore, at: number): Promise<string> {
  const meta = await takeSnapshot(source, 9, manyParts());
  const bytes = Uint8Array.from(await readStored(source, meta.id, 1 << 20));
  let head = 0;
  // A codec, two sizes, and as many bytes as the second says.
  for (let part = 0; part < at; part += 1) head += 9 + readU32(bytes, head + 5);
  expect(head).toBeLessThan(bytes.length);
  bytes[head] = 255;
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  await receiveChunk(target, { ...meta, sha256 }, { offset: 0, bytes, isLast: true });
  return meta.id;
}

/** What every snapshot store promises of `load`, whatever it reads ahead. */
export function runSnapshotLoadingContract(name: string, factory: () => SnapshotStoreFactory): void {
  test(`${name}: load() gives many parts, each once and in order, also twice at the same time`, async () => {
    const store = await factory().open();
    const parts = manyParts();
    const meta = await takeSnapshot(store, 5, parts);
    const loaded = await Promise.all([loadSnapshot(store, meta.id), loadSnapshot(store, meta.id)]);
    for (const bytes of loaded) expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    await closeSnapshots(store);
  });

  test(`${name}: load() of a snapshot with damage in the middle gives nothing behind it, and ends once`, async () => {
    for (const damaged of [0, 1, 20, 39]) {
      const source = await factory().open();
      const target = await factory().open();
      const id = await receiveDamaged(source, target, damaged);
      const parts: Uint8Array[] = [];
      const ends: string[] = [];
      await new Promise<void>((resolve) => {
        target.load(
          id,
          (bytes) => parts.push(bytes),
          (result) => {
            ends.push(result.ok ? "ok" : result.error.kind);
            resolve();
          },
        );
      });
      // Requests are answered in order: whatever was asked for ahead has been answered by then.
      await takeSnapshot(target, 10, [new Uint8Array(1)]);
      expect(ends).toEqual(["damaged"]);
      expect(parts.length).toBeLessThanOrEqual(damaged);
      expect(parts).toEqual(manyParts().slice(0, parts.length));
      expect(target.list().map(({ index }) => index)).toEqual([10]);
      await closeSnapshots(source);
      await closeSnapshots(target);
    }
  });
}

/** In a process of its own, as what `part` throws ends in nobody's hands. `folder`: empty for a store in memory. */
export function testThrowingPart(name: string, folder: () => string): void {
  test(`${name}: load() gives no part behind one that was thrown at, and lets the snapshot go`, () => {
    const script = join(import.meta.dir, "throwing-part.ts");
    const { stdout, stderr } = Bun.spawnSync([process.execPath, script, folder()]);
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual({
      parts: 15,
      ends: 0,
      thrown: ["Error: this part is refused"],
      indexes: [6, 7],
    });
  });
}
